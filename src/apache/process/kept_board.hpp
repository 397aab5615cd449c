// Keeps the board with the server's numbers over httpd's restarts.
#pragma once

namespace brine::apache {

/// Registers the hook that finds or makes the board (post_config).
void register_board_hooks();

}  // namespace brine::apache
