#include "apache/process/kept_board.hpp"

#include <cstddef>
#include <cstdint>
#include <new>

#include "apache/config/settings.hpp"
#include "apache/guarded.hpp"
#include "apache/httpd.hpp"
#include "base/clock.hpp"
#include "base/shared_memory.hpp"
#include "metrics/board.hpp"

namespace brine::apache {

namespace {

// The values that httpd holds for the module while it restarts. Another build of the module, which
// a restart may load, makes a board of its own: processes of the old configuration go on writing to
// the old one.
struct KeptBoard {
  std::uint32_t version = 0;
  std::size_t size = 0;
  metrics::Board* board = nullptr;
};

metrics::Board& kept_board() {
  constexpr const char* kKey = "brine-board";
  auto* kept = static_cast<KeptBoard*>(ap_retained_data_get(kKey));
  if (kept == nullptr) {
    kept = new (ap_retained_data_create(kKey, sizeof(KeptBoard))) KeptBoard;
  }
  if (kept->version != metrics::Board::kVersion || kept->size != sizeof(metrics::Board)) {
    base::SharedMemory memory(sizeof(metrics::Board));
    *kept = {metrics::Board::kVersion, sizeof(metrics::Board),
             reinterpret_cast<metrics::Board*>(memory.release())};
    kept->board->made_at = static_cast<std::int64_t>(base::seconds_since_epoch());
  }
  return *kept->board;
}

int find_board(apr_pool_t*, apr_pool_t*, apr_pool_t*, server_rec* main_server) {
  // httpd reads the configuration twice when it starts; only the second reading serves.
  if (ap_state_query(AP_SQ_MAIN_STATE) != AP_SQ_MS_CREATE_PRE_CONFIG) {
    server_settings(main_server).board = &kept_board();
  }
  return OK;
}

}  // namespace

void register_board_hooks() {
  ap_hook_post_config(guarded<&find_board>, nullptr, nullptr, APR_HOOK_FIRST);
}

}  // namespace brine::apache
