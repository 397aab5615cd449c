#include "daemon/supervisor/rollout.hpp"

#include <algorithm>
#include <array>

#include "daemon/supervisor/policy.hpp"

namespace brine::daemon {

using base::Nanos;

namespace {

// This many crashes in a row are answered by a start at once. A process that did not become ready
// is no crash.
constexpr unsigned kFreeCrashes = 5;

using FateRow = std::array<Fate, static_cast<std::size_t>(Others::count_)>;

// Rows are Attempt, columns Others.
constexpr std::array<FateRow, static_cast<std::size_t>(Attempt::count_)> kFates = {{
    {Fate::serves, Fate::serves, Fate::serves},
    {Fate::serves_beside, Fate::serves_beside, Fate::serves_beside},
    {Fate::serves_beside, Fate::rejected, Fate::rejected},
    {Fate::waited_for, Fate::waited_for, Fate::passed_over},
    {Fate::waited_for, Fate::waited_for, Fate::passed_over},
    {Fate::replaced, Fate::replaced, Fate::rejected},
    {Fate::replaced, Fate::replaced, Fate::rejected},
}};

}  // namespace

Fate fate_of(Attempt attempt, Others others) noexcept {
  return kFates[static_cast<std::size_t>(attempt)][static_cast<std::size_t>(others)];
}

Attempt judge(const Merits& merits) noexcept {
  return merits.any && (merits.newer || merits.wanted) ? Attempt::partial : Attempt::lacking;
}

// Asks for new code if a predecessor had given up the newest: nobody knows whether the scripts have
// been mended since.
Rollout::Rollout(std::uint32_t asked, std::uint32_t failed)
    : asked_(std::max(asked, 1U)), failed_(failed) {
  if (failed_ >= asked_) asked_ = failed_ + 1;
}

Others Rollout::beside(std::uint32_t code, bool others) const noexcept {
  if (!others) return Others::none;
  return code <= proven_ ? Others::proven : Others::older;
}

void Rollout::ask_for_new_code() {
  retry_at_ = 0;
  ++asked_;
}

bool Rollout::is_news(std::uint32_t code, bool changed) const {
  if (retry_at_ != 0) return changed;  // else just this code has been tried
  return code == asked_;               // else newer code is being started
}

void Rollout::prove(std::uint32_t code) {
  retry_at_ = 0;
  retries_ = 0;
  if (failed_ >= code) failed_ = code - 1;  // the code was given up too early
  proven_ = std::max(proven_, code);
}

bool Rollout::pass_over(std::uint32_t code) {
  failed_ = std::max(failed_, code);
  return code == asked_;
}

Rejection Rollout::reject(std::uint32_t code, bool mended, bool others, Nanos now) {
  const bool news = retries_ == 0 || others;
  if (code == asked_ && mended) return Rejection::ask_anew;
  if (!pass_over(code)) return Rejection::superseded;
  plan_retry(now);
  return news ? Rejection::kept_news : Rejection::kept;
}

void Rollout::plan_retry(Nanos now) {
  retry_at_ = now + std::max(back_off(++retries_, 0), base::kSecond);
}

bool Rollout::is_in_the_way(std::uint32_t code, bool others) const {
  return beside(code, others) != Others::proven;
}

void Rollout::note_lacking(bool any, Nanos now) {
  if (load_at_ == 0 && any) load_at_ = now + back_off(++loads_, 0);
}

void Rollout::note_loads(bool any, Nanos now) {
  loads_ = any ? loads_ + 1 : 0;
  load_at_ = any ? now + back_off(loads_, 0) : 0;
}

std::ptrdiff_t Rollout::missing(const Group& group, std::ptrdiff_t wanted, const Census& census,
                                bool mended, Nanos now) {
  if (now < not_before_) {
    // A change that may mend what kept a process from starting ends the delay.
    if (fork_refused_ || !mended) return 0;
    not_before_ = 0;
  }
  const bool others = census.serving + census.retiring != 0;
  // Another process with the rejected code would fail like the one before it.
  if (others && full_since_ == 0 && is_given_up()) return 0;
  // A service must not run twice, so its successor waits for its end.
  const std::ptrdiff_t missing =
      wanted - (group.is_service() ? census.all : census.starting + census.serving);
  // While others serve, a single process tries code that may not load.
  if (beside(asked_, others) == Others::older) {
    return std::min<std::ptrdiff_t>(missing, 1 - census.starting);
  }
  // Those that are recycled serve meanwhile, so their successors come a few at a time.
  const std::ptrdiff_t at_once = recycled_at_once(wanted) - census.starting;
  return std::min(missing, std::max(missing - census.recycled, at_once));
}

void Rollout::note_fork() { fork_refused_ = false; }

void Rollout::note_refused_fork(Nanos now) {
  fork_refused_ = true;
  not_before_ = now + back_off(++failures_, 0);
}

bool Rollout::note_full(Nanos now) {
  if (full_since_ != 0) return false;
  full_since_ = now;
  return true;
}

bool Rollout::is_full_for_long(const Limits& limits, Nanos now) const {
  return full_since_ != 0 && asked_ > proven_ && failed_ < asked_ &&
         is_overdue(limits, full_since_, now);
}

Fate Rollout::note_death(const Death& death, bool others, Nanos now) {
  // A single SIGKILL may be an operator's or the kernel's; two in a row are no accident.
  const bool accident = death.killed && failures_ == 0 && !death.overdue;
  if (!death.told && !death.was_ready && !accident) {
    const Fate fate = fate_of(Attempt::died, beside(death.code, others));
    if (fate == Fate::rejected) return fate;
  }
  if (!death.told && death.exited && !death.was_ready) {  // the code cannot even start
    wait_longer(death.of_use, 0, now);
  } else if (!death.told) {
    wait_longer(death.of_use, death.was_ready ? kFreeCrashes : 1, now);
  } else if (death.of_use) {
    failures_ = 0;
  }
  return Fate::replaced;
}

void Rollout::note_end_of_service(bool of_use, Nanos now) { wait_longer(of_use, 0, now); }

void Rollout::note_hung(Nanos now) { wait_longer(false, 1, now); }

void Rollout::note_exhausted(bool young, Nanos now) {
  exhausted_ = young ? exhausted_ + 1 : 1;
  not_before_ = std::max(not_before_, now + back_off(exhausted_, 1));
}

// Delays the next start, so that nothing that ends by itself becomes a loop of starts. A crash of a
// process that was of use costs no delay, since it takes another request to crash the next one.
void Rollout::wait_longer(bool of_use, unsigned free_of_charge, Nanos now) {
  failures_ = of_use ? 0 : failures_ + 1;
  not_before_ = now + back_off(std::max(failures_, 1U), free_of_charge);
}

Nanos Rollout::next_look(Nanos now) const {
  Nanos next = 0;
  for (const Nanos time : {retry_at_, load_at_, not_before_ > now ? not_before_ : 0}) {
    if (time != 0 && (next == 0 || time < next)) next = time;
  }
  return next;
}

bool is_overdue(const Limits& limits, Nanos started, Nanos now) noexcept {
  return limits.connect_timeout.count() != 0 &&
         now - started >= base::nanos(limits.connect_timeout);
}

}  // namespace brine::daemon
