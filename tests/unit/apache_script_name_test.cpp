// Names of scripts (WSGIScriptName): which there can be, and what fits together.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include "apache/config/script_name.hpp"

namespace brine::apache {
namespace {

TEST(ScriptName, IsOneIdentifier) {
  for (const char* good : {"a", "A_", "shop_wsgi", "Shop2", "Class", "mod_wsgi_", "jsons"}) {
    EXPECT_EQ(parse_script_name(good), good);
  }
  EXPECT_EQ(parse_script_name(std::string(100, 'x')), std::string(100, 'x'));
  for (const char* bad :
       {"",           "2a",    "a-b",    "a.b",      "a b",      "a/b",         "a\n",
        "\xc3\xa9",   "class", "None",   "await",    "json",     "os",          "sys",
        "_thread",    "brine", "apache", "mod_wsgi", "__main__", "__mp_main__", "_mod_wsgi_1",
        "__future__", "_",     "_a",     "load",     "names",    "register",    "script_names"}) {
    EXPECT_THROW(parse_script_name(bad), std::invalid_argument) << bad;
  }
  EXPECT_THROW(parse_script_name(std::string(101, 'x')), std::invalid_argument);
  EXPECT_THROW(parse_script_name(std::string_view("a\0b", 3)), std::invalid_argument);
}

TEST(ScriptName, HasThePathThatRequestsHave) {
  for (const char* good : {"/a", "/srv/shop.wsgi", "/srv/a b/..shop", "/srv/.shop"}) {
    EXPECT_NO_THROW(check_named_path(good));
  }
  for (const char* bad : {"", "a", "/", "/a/", "//a", "/a//b", "/a/./b", "/a/../b", "/.."}) {
    EXPECT_THROW(check_named_path(bad), std::invalid_argument) << bad;
  }
}

TEST(ScriptName, MeansOneScriptWhichHasOneName) {
  EXPECT_TRUE(conflicts({}).empty());
  EXPECT_TRUE(conflicts({{"a", "/a", "1"}, {"b", "/b", "2"}, {"a", "/a", "3"}}).empty());
  const auto found = conflicts({{"a", "/a", "First"}, {"a", "/b", "Second"}, {"c", "/a", "Third"}});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(
      found[0],
      "Second gives the name 'a' to the script '/b', and First gives it to '/a': a name means "
      "one script in the whole server, so choose another");
  EXPECT_EQ(found[1],
            "Third gives the name 'c' to the script '/a', which First calls 'a': a script has one "
            "name");
}

class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / "brine-script-name-XXXXXX") {
    std::string name = path_.string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string path() const { return path_.string(); }
  void write(const std::string& name) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name) << "#";
  }

 private:
  std::filesystem::path path_;
};

TEST(ScriptName, IsThatOfAModule) {
  for (const std::string file : {"shop.py", "shop.pyc", "shop/__init__.py", "shop/any", "shop.so",
                                 "shop.cpython-311-x86_64-linux-gnu.so", "shop.abi3.so"}) {
    const Folder other;
    const Folder folder;
    EXPECT_EQ(module_in({other.path(), folder.path(), "/no/such/folder"}, "shop"), "");
    folder.write(file);
    const std::string found = file.substr(0, file.find('/'));
    EXPECT_EQ(module_in({other.path(), folder.path()}, "shop"), folder.path() + "/" + found);
  }
  const Folder folder;
  for (const char* file : {"shops.py", "shop.wsgi", "shop.txt", "shop2.so", "shop", "x/shop.py"}) {
    folder.write(file);
    EXPECT_EQ(module_in({folder.path()}, "shop"), "") << file;
  }
}

}  // namespace
}  // namespace brine::apache
