// Puts C++ objects into APR pools, which destroy them.
#pragma once

#include <apr_pools.h>

#include <cstring>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

namespace brine::base {

/// Makes a T that lives as long as `pool`. Its destructor runs in the pool's cleanup, where no
/// exception can be caught, so it must not throw.
template <class T, class... Args>
T* pool_emplace(apr_pool_t* pool, Args&&... args) {
  static_assert(alignof(T) <= 8, "apr_palloc aligns to 8 bytes");
  static_assert(std::is_nothrow_destructible_v<T>);
  T* object = new (apr_palloc(pool, sizeof(T))) T(std::forward<Args>(args)...);
  if constexpr (!std::is_trivially_destructible_v<T>) {
    auto destroy = [](void* memory) noexcept -> apr_status_t {
      static_cast<T*>(memory)->~T();
      return APR_SUCCESS;
    };
    apr_pool_cleanup_register(pool, object, destroy, apr_pool_cleanup_null);
  }
  return object;
}

/// A pool below `parent`, for what is needed for a moment of a request that may last for long.
class SubPool {
 public:
  explicit SubPool(apr_pool_t* parent) { apr_pool_create(&pool_, parent); }
  ~SubPool() { apr_pool_destroy(pool_); }
  SubPool(const SubPool&) = delete;
  SubPool& operator=(const SubPool&) = delete;

  apr_pool_t* get() const noexcept { return pool_; }

 private:
  apr_pool_t* pool_ = nullptr;
};

/// Returns a copy of `text` in `pool`. A NUL follows it, so data() is a C string too.
inline std::string_view pool_copy(apr_pool_t* pool, std::string_view text) {
  char* copy = static_cast<char*>(apr_palloc(pool, text.size() + 1));
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  return {copy, text.size()};
}

}  // namespace brine::base
