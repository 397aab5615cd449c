#include "script/module_name.hpp"

namespace brine::script {

std::string module_name(std::string_view path) {
  // Parameters of the 128-bit FNV-1a hash, as its authors publish them.
  __extension__ using Hash = unsigned __int128;
  constexpr Hash kPrime = (Hash{0x0000000001000000} << 64) | 0x000000000000013B;
  Hash hash = (Hash{0x6C62272E07BB0142} << 64) | 0x62B821756295C58D;
  for (const char c : path) {
    hash ^= static_cast<unsigned char>(c);
    hash *= kPrime;
  }
  std::string name = "_mod_wsgi_";
  for (int shift = 124; shift >= 0; shift -= 4) {
    name += "0123456789abcdef"[static_cast<unsigned>(hash >> shift) & 0xF];
  }
  return name;
}

}  // namespace brine::script
