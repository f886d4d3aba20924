# SPDX-License-Identifier: MIT
# find_package(k2s): the headers as k2s::k2s, and k2s_add_plugin(NAME SOURCE…). There is nothing to link
# with: the host hands everything to the plugin through pointers. The tree may be moved.
get_filename_component(k2s_root "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
set(k2s_PLUGIN_DIR "${k2s_root}/lib/k2s/plugins")

if(NOT TARGET k2s::k2s)
  add_library(k2s::k2s INTERFACE IMPORTED)
  set_target_properties(k2s::k2s PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${k2s_root}/include")
endif()

# A plugin's library NAME.so or NAME.dll that exports its entry alone (plugin.map beside the CMakeLists.txt)
# and brings its own C++ runtime; `install` puts it with plugin.json where the tree looks for it.
function(k2s_add_plugin name)
  add_library(${name} MODULE ${ARGN})
  target_link_libraries(${name} PRIVATE k2s::k2s)
  target_compile_features(${name} PRIVATE c_std_11)
  set_target_properties(${name} PROPERTIES PREFIX "" C_VISIBILITY_PRESET hidden
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON)
  if(WIN32)
    if(NOT MSVC)
      target_link_options(${name} PRIVATE -static)
    endif()
  else()
    target_link_options(${name} PRIVATE -static-libgcc
      $<$<LINK_LANGUAGE:CXX>:-static-libstdc++>
      "-Wl,--version-script=${CMAKE_CURRENT_SOURCE_DIR}/plugin.map")
  endif()
  install(TARGETS ${name} DESTINATION "${k2s_PLUGIN_DIR}/${name}")
  install(FILES plugin.json DESTINATION "${k2s_PLUGIN_DIR}/${name}")
endfunction()
