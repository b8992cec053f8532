#include "evengrad/formats/html_page.h"

#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "evengrad/formats/embedded_files.h"

namespace evengrad {
namespace {

std::string SourceFile(const std::string& name) {
  std::ifstream file(EVENGRAD_SOURCE_DIR "/formats/html/" + name,
                     std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Whatever CMake does with brackets, semicolons and bytes above 0x7f.
TEST(EmbeddedFileTest, IsTheFileToTheByte) {
  for (const char* name : {"page.css", "page.js"}) {
    const std::string expected = SourceFile(name);
    ASSERT_GT(expected.size(), 1000u) << name;
    EXPECT_EQ(EmbeddedFile(name), expected) << name;
  }
  EXPECT_EQ(EmbeddedFile("page"), "");
}

TEST(HtmlPageTest, EscapedHtmlIsTextWhereverItStands) {
  EXPECT_EQ(EscapedHtml("<a href=\"x\">&'"),
            "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
  EXPECT_EQ(EscapedHtml("tab\tline\nGrüße 漢字 😀"), "tab\tline\nGrüße 漢字 😀");
  EXPECT_EQ(EscapedHtml(std::string_view("\0\x7f\r", 3)), "���");
  // A stray byte, half a character, an overlong '/', a surrogate.
  EXPECT_EQ(EscapedHtml("a\xff"), "a�");
  EXPECT_EQ(EscapedHtml("\xe6\xbc"), "��");
  EXPECT_EQ(EscapedHtml("\xc0\xaf"), "��");
  EXPECT_EQ(EscapedHtml("\xed\xa0\x80x"), "���x");
  EXPECT_EQ(EscapedHtml(std::string(10'000, 'n')), std::string(10'000, 'n'));
}

TEST(HtmlPageTest, DataCannotEndItsElement) {
  EXPECT_EQ(EscapedScriptJson(R"({"a":"</script><!--"})"),
            R"({"a":"\u003c/script>\u003c!--"})");
  const std::string page =
      PrintHtmlPage({.title = "</title><script>alert(1)</script>",
                     .body = "<main></main>",
                     .data = {{"graph", R"j(["</script><script>alert(1)"])j"}},
                     .scripts = {"run();\n"}});
  EXPECT_EQ(page.find("alert(1)</script>"), std::string::npos);
  EXPECT_EQ(page.find("</script><script>alert"), std::string::npos);
  EXPECT_NE(page.find("\\u003c/script>"), std::string::npos);
  EXPECT_NE(page.find("<title>&lt;/title&gt;"), std::string::npos);
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
}

TEST(HtmlPageTest, Coordinates) {
  EXPECT_EQ(SvgNumber(3), "3");
  EXPECT_EQ(SvgNumber(12.505), "12.51");
  EXPECT_EQ(SvgNumber(-0.001), "0");
  EXPECT_EQ(SvgNumber(100), "100");
  EXPECT_EQ(SvgNumber(std::numeric_limits<double>::quiet_NaN()), "0");
  EXPECT_EQ(SvgNumber(1e300).size(), 301u);
}

TEST(HtmlPageTest, NumbersForPeople) {
  EXPECT_EQ(ReadableNumber(0), "0");
  EXPECT_EQ(ReadableNumber(1.5e-7), "1.5e-7");
  EXPECT_EQ(ReadableNumber(0.012344), "0.01234");
  EXPECT_EQ(ReadableNumber(12.345), "12.35");
  EXPECT_EQ(ReadableNumber(-1234567), "-1.23e6");
  EXPECT_EQ(ReadableNumber(-123456), "-123,456");
  EXPECT_EQ(ReadableNumber(999.96), "1,000");
  EXPECT_EQ(ReadableNumber(std::numeric_limits<double>::infinity()), "inf");
}

TEST(HtmlPageTest, Ticks) {
  EXPECT_EQ(LinearTicks(0, 10, 6), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(LinearTicks(0.3, 9.7, 6), (std::vector<double>{2, 4, 6, 8}));
  EXPECT_TRUE(LinearTicks(1, 1, 5).empty());
  EXPECT_TRUE(
      LinearTicks(0, std::numeric_limits<double>::infinity(), 5).empty());
  const std::vector<double> powers = LogTicks(1e-12, 3, 5);
  ASSERT_EQ(powers.size(), 5u);
  EXPECT_DOUBLE_EQ(powers.front(), 1e-12);
  EXPECT_DOUBLE_EQ(powers.back(), 1);
  EXPECT_TRUE(LogTicks(0, 1, 5).empty());
}

}  // namespace
}  // namespace evengrad
