#include "daemon/supervisor/group_size.hpp"

#include <algorithm>

namespace brine::daemon {

using base::Nanos;

GroupSize::GroupSize(const Group& group, std::ptrdiff_t before, Nanos now)
    : least_(group.least_processes),
      most_(group.processes),
      threads_(static_cast<std::uint64_t>(std::max(group.threads, 1))),
      idle_(base::nanos(group.limits.processes_idle)),
      wanted_(std::clamp(before, least_, most_)),
      needed_at_(static_cast<std::size_t>(most_), now) {}

void GroupSize::decide(const Load& load, Nanos now) {
  if (!varies()) return;
  note_need(load, now);
  settled_ = load.settled;
  if (!settled_ && step_ != 0) grown_at_ = now;
  if (now - grown_at_ > kRush) step_ = 0;
  if (!is_crowded(load)) {
    crowded_since_ = 0;
  } else if (crowded_since_ == 0) {
    crowded_since_ = now;
  } else if (load.settled && wanted_ < most_ && now - crowded_since_ >= kCrowded) {
    grow(load, now);
  }
  shrink(now);
}

bool GroupSize::is_crowded(const Load& load) const {
  return load.processes > 0 && load.waiting != 0 &&
         load.busy >= static_cast<std::uint64_t>(load.processes) * threads_;
}

void GroupSize::note_need(const Load& load, Nanos now) {
  const std::uint64_t needed = (load.busy + load.waiting + threads_ - 1) / threads_;
  const auto end = std::min<std::uint64_t>(needed, needed_at_.size());
  std::fill_n(needed_at_.begin(), end, now);
}

void GroupSize::grow(const Load& load, Nanos now) {
  const std::uint64_t useful = (load.waiting + threads_ - 1) / threads_;
  const std::ptrdiff_t room = most_ - wanted_;
  step_ = std::min(step_ != 0 ? 2 * step_ : 1, room);
  step_ = static_cast<std::ptrdiff_t>(std::min(static_cast<std::uint64_t>(step_), useful));
  wanted_ += step_;
  grown_at_ = now;
  crowded_since_ = 0;
  std::fill_n(needed_at_.begin(), wanted_, now);
}

// Returns when the group may do with one process less; 0: never.
Nanos GroupSize::leaves_at() const {
  if (idle_ == 0 || wanted_ <= least_) return 0;
  const Nanos needed_at = needed_at_[static_cast<std::size_t>(wanted_) - 1];
  return std::max(needed_at + idle_, shrunk_at_ + kBetweenLeaves);
}

void GroupSize::shrink(Nanos now) {
  const Nanos at = leaves_at();
  if (at == 0 || now < at) return;
  --wanted_;
  shrunk_at_ = now;
}

Nanos GroupSize::next_look(Nanos now) const {
  // Until those that start are there, or could not come, nothing is decided.
  if (crowded_since_ != 0 && wanted_ < most_ && settled_) return now + kLook;
  return leaves_at();
}

}  // namespace brine::daemon
