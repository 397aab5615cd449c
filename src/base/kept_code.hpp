// Keeps the code of a thread in memory.
#pragma once

#include <dlfcn.h>

namespace brine::base {

/// Keeps the shared object loaded that `symbol` lies in: a process that ends unloads its modules
/// without waiting for their threads.
inline void keep_code_in_memory(const void* symbol) {
  Dl_info info{};
  if (::dladdr(symbol, &info) != 0) {
    ::dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
  }
}

}  // namespace brine::base
