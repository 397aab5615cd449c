/* The one place where Brine's version is written: CMake, the module, the engine and the `brine` command read it here. */
#ifndef BRINE_VERSION_H
#define BRINE_VERSION_H

#define BRINE_VERSION "0.1.0"

#endif
