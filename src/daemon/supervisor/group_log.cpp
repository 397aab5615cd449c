#include "daemon/supervisor/group_log.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>

namespace brine::daemon {

using base::Level;
using base::Nanos;

namespace {

// The pipes of at most this many ended processes are still read for what their children log.
constexpr std::size_t kMostOldReaders = 64;

}  // namespace

void GroupLog::add_to(std::vector<pollfd>& fds) const {
  for (const RecordReader& records : old_records_) fds.push_back({records.fd(), POLLIN, 0});
  fds.push_back({output_.reader(), POLLIN, 0});
}

void GroupLog::read(Nanos now) {
  output_.read(log_, budget_, now);
  old_records_.remove_if([&](RecordReader& records) { return !records.read(log_, budget_, now); });
  tell_of_flood(budget_, "its processes and their programs", now);
}

void GroupLog::read(Process& process, Nanos now) {
  if (process.records && !process.records->read(log_, process.log_budget, now)) {
    process.records.reset();
  }
  tell_of_flood(process.log_budget, "process " + std::to_string(process.pid), now);
}

void GroupLog::keep_reader(Process& process) {
  if (!process.records) return;
  if (old_records_.size() >= kMostOldReaders) old_records_.pop_front();
  old_records_.push_back(std::move(*process.records));
}

void GroupLog::tell_of_flood(LogBudget& budget, const std::string& writer, Nanos now) {
  const std::uint64_t left_out = budget.take_left_out(now);
  if (left_out == 0) return;
  log_.log(Level::warning, "BRINE0642: " + std::to_string(left_out) +
                               " log records of daemon group '" + group_ +
                               "' were left out: " + writer + " wrote more than " +
                               std::to_string(LogBudget::kPerSecond) + " a second");
}

}  // namespace brine::daemon
