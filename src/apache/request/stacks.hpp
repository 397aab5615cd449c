// Shows the Python stack of a request that runs, for WSGIStatusStacks.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace brine::apache {

/// Returns true if WSGIStatusStacks is On.
bool shows_stacks() noexcept;

/// Has a thread of this process look for requests whose stack is wanted, if WSGIStatusStacks is On;
/// it is started once.
void watch_for_stacks() noexcept;

/// Returns the stack of a request that runs in any process, by its key in the snapshot; nothing if
/// there is no such request any more, or its process does not answer in time. BLOCKS.
std::optional<std::string> stack_of(std::string_view key);

}  // namespace brine::apache
