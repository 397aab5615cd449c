# Part of the installation: the module knows the engines' folder, and the command its package's, from the configuration of
# the build. Files that were put elsewhere would not find each other. `configured`: the prefix of the configuration.
if(NOT CMAKE_INSTALL_PREFIX STREQUAL configured)
  message(FATAL_ERROR
    "This build is for the prefix ${configured}, whose folders its files know, and not for ${CMAKE_INSTALL_PREFIX}. "
    "Choose the prefix with `cmake -DCMAKE_INSTALL_PREFIX=${CMAKE_INSTALL_PREFIX}` and build again; to put the files "
    "below another folder for a package, use DESTDIR=FOLDER cmake --install.")
endif()
