// Also of access.hpp: who may reach a file.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "apache/config/python_home.hpp"

namespace brine::apache {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kStranger = 54321;
const Identity kStrangerIdentity{kStranger, {kStranger}};

// A folder that anybody may enter, with what a test puts into it.
class PythonHomeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "brine-home-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    fs::permissions(folder_, fs::perms(0755));
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path make_file(const fs::path& path, const std::string& text = "") {
    fs::create_directories((folder_ / path).parent_path());
    std::ofstream(folder_ / path) << text;
    return folder_ / path;
  }

  // A virtual environment whose base Python is folder_/base/bin.
  fs::path make_environment(const std::string& version = "3.11") {
    make_file("base/bin/python");
    make_file("venv/pyvenv.cfg", "home = " + (folder_ / "base/bin").string() + "\n");
    make_file("venv/bin/python");
    fs::create_directories(folder_ / "venv/lib" / ("python" + version) / "site-packages");
    return folder_ / "venv";
  }

  PythonHome resolve(const fs::path& path) {
    return resolve_python_home(path.string(), {"3.11", {"3.11", "3.12"}, identity_});
  }

  std::string refusal(const fs::path& path) {
    try {
      resolve(path);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "accepted";
  }

  fs::path folder_;
  Identity identity_ = kStrangerIdentity;
};

#define EXPECT_MENTIONS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST_F(PythonHomeTest, EnvironmentByRootBinOrPython) {
  const fs::path root = make_environment();
  const std::string program = (root / "bin/python").string();
  EXPECT_EQ(resolve(root).program, program);
  EXPECT_EQ(resolve(root.string() + "/").program, program);
  EXPECT_EQ(resolve(root / "bin").program, program);
  EXPECT_EQ(resolve(root / "bin/python").program, program);
  EXPECT_EQ(resolve(root).home, "");
}

TEST_F(PythonHomeTest, Prefix) {
  make_file("py/lib/python3.11/encodings/__init__.py");
  make_file("py/bin/python3");
  EXPECT_EQ(resolve(folder_ / "py").home, (folder_ / "py").string());
  EXPECT_EQ(resolve(folder_ / "py/bin").home, (folder_ / "py").string());
  EXPECT_EQ(resolve(folder_ / "py").program, "");
}

// PYTHONHOME: what Python makes of it, which is not what WSGIPythonHome may name.
TEST_F(PythonHomeTest, InTheEnvironment) {
  const auto said = [this](const std::string& value) -> std::string {
    try {
      check_environment_home(value, {"3.11", {}, identity_});
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "accepted";
  };
  make_file("py/lib/python3.11/encodings/__init__.py");
  make_file("zipped/lib/python311.zip");
  make_file("old/lib/python3.9/encodings/__init__.py");
  const std::string py = (folder_ / "py").string();
  EXPECT_EQ(said(py), "accepted");
  EXPECT_EQ(said(py + ":/exec/prefix"), "accepted");
  EXPECT_EQ(said(folder_ / "zipped"), "accepted");
  EXPECT_MENTIONS(said("/no/such/prefix"), "which does not exist");
  EXPECT_MENTIONS(said(py + "/lib"), "which is no Python's prefix");
  EXPECT_MENTIONS(said(folder_ / "old"), "which is for Python 3.9");
  EXPECT_MENTIONS(said(make_environment()), "which is a virtual environment");
  EXPECT_MENTIONS(said("/no"), "httpd cannot run Python 3.11");
  fs::permissions(folder_ / "py", fs::perms(0700));
  EXPECT_MENTIONS(said(py), "may not enter '" + py + "'");
}

TEST_F(PythonHomeTest, MissingFolder) {
  EXPECT_MENTIONS(refusal(folder_ / "none"), "which does not exist");
}

TEST_F(PythonHomeTest, NoPythonThere) {
  fs::create_directories(folder_ / "empty");
  EXPECT_MENTIONS(refusal(folder_ / "empty"), "no lib/python3.11/encodings");
}

TEST_F(PythonHomeTest, OtherVersionWithAnEngine) {
  EXPECT_MENTIONS(refusal(make_environment("3.12")), "add 'WSGIPython 3.12'");
}

TEST_F(PythonHomeTest, OtherVersionWithoutAnEngine) {
  EXPECT_MENTIONS(refusal(make_environment("3.9")), "build an engine for Python 3.9");
}

TEST_F(PythonHomeTest, BasePythonGone) {
  const fs::path root = make_environment();
  fs::remove_all(folder_ / "base");
  EXPECT_MENTIONS(refusal(root),
                  "base/bin' (the key home in its pyvenv.cfg), which does not exist");
}

TEST_F(PythonHomeTest, NamesTheComponentThatIsClosed) {
  const fs::path root = make_environment();
  fs::permissions(root, fs::perms(0700));
  const std::string text = refusal(root);
  EXPECT_MENTIONS(text, "may not enter '" + root.string() + "' (mode 0700, owner ");
}

TEST_F(PythonHomeTest, NamesTheFileThatIsClosed) {
  const fs::path root = make_environment();
  fs::permissions(root / "pyvenv.cfg", fs::perms(0600));
  EXPECT_MENTIONS(refusal(root), "may not read '" + (root / "pyvenv.cfg").string() + "'");
}

TEST_F(PythonHomeTest, LooksBehindSymbolicLinks) {
  const fs::path root = make_environment();
  fs::create_directories(folder_ / "closed");
  fs::rename(root, folder_ / "closed/venv");
  fs::create_symlink(folder_ / "closed/venv", root);
  fs::permissions(folder_ / "closed", fs::perms(0700));
  if (geteuid() == 0) {
    EXPECT_MENTIONS(refusal(root), "may not enter '" + (folder_ / "closed").string() + "'");
  }
  fs::permissions(folder_ / "closed", fs::perms(0755));
}

TEST_F(PythonHomeTest, OwnerAndGroupBitsCount) {
  const fs::path file = make_file("file");
  const uid_t owner = geteuid() == 0 ? kStranger : geteuid();
  if (geteuid() == 0) {
    ASSERT_EQ(chown(file.c_str(), kStranger, kStranger), 0);
  }
  fs::permissions(file, fs::perms(0040));
  EXPECT_TRUE(obstacle(file.string(), {owner, {}}, Wanted::read));
  if (geteuid() == 0) {
    EXPECT_FALSE(obstacle(file.string(), {kStranger + 1, {kStranger}}, Wanted::read));
    EXPECT_FALSE(obstacle(file.string(), {0, {0}}, Wanted::read));
  }
}

TEST_F(PythonHomeTest, KnowsItsVersion) {
  const std::string home = make_environment("3.12").string();
  EXPECT_EQ(version_of_home(home, {"3.11", "3.12"}), "3.12");
  EXPECT_EQ(version_of_home(home, {"3.11"}), "3.12");
  EXPECT_EQ(version_of_home((folder_ / "base").string(), {"3.11"}), "");
}

TEST_F(PythonHomeTest, TellsFreeThreadedFromOthers) {
  const std::string home = make_environment("3.13t").string();
  EXPECT_EQ(version_of_home(home, {"3.13", "3.13t"}), "3.13t");
  EXPECT_MENTIONS(refusal(home), "which is for Python 3.13t, but httpd will run Python 3.11");
}

TEST_F(PythonHomeTest, RefusalsSpeakOfWhoRunsIt) {
  HomeCircumstances group{"3.11", {"3.11", "3.12"}, identity_};
  group.runner = "the group";
  group.chooser = "python=";
  try {
    resolve_python_home(make_environment("3.12").string(), group);
    FAIL() << "accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what())
                  .find("which is for Python 3.12, but the group will run Python 3.11: add "
                        "'python=3.12'"),
              std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace brine::apache
