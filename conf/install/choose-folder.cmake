# choose_folder(VARIABLE GIVEN USUAL OTHER)
#
# Sets VARIABLE to an absolute folder of the installation: GIVEN, from the prefix where it is relative, or, where it is
# empty, USUAL if that lies below the prefix, else OTHER. So nothing gets outside the prefix that was not asked for there.
function(choose_folder variable given usual other)
  set(folder "${given}")
  if(NOT folder)
    set(folder "${other}")
    cmake_path(IS_PREFIX CMAKE_INSTALL_PREFIX "${usual}" NORMALIZE below)
    # Below /usr lies /usr/local too, which is the administrator's.
    if(usual AND below AND NOT (CMAKE_INSTALL_PREFIX STREQUAL "/usr" AND usual MATCHES "^/usr/local/"))
      set(folder "${usual}")
    endif()
  endif()
  cmake_path(ABSOLUTE_PATH folder BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}" NORMALIZE)
  set(${variable} "${folder}" PARENT_SCOPE)
endfunction()
