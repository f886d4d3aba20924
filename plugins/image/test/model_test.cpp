// SPDX-License-Identifier: MIT
#include "helpers.hpp"
#include "model/document.hpp"
#include "model/reference.hpp"

namespace k2s::image::test {

BOOST_AUTO_TEST_SUITE(model)

const std::string k_hex(64, 'a');

BOOST_AUTO_TEST_CASE(digests) {
    BOOST_TEST(Digest::of("").text() ==
               "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    BOOST_TEST(must(Digest::parse("sha256:" + k_hex)).hex() == k_hex);
    BOOST_TEST(must(Digest::parse("sha512:" + k_hex + k_hex)).hex().size() == 128U);
    for (const std::string &wrong :
         {std::string(), "sha256:" + k_hex + "a", "sha256:" + k_hex.substr(1), k_hex,
          "md5:" + k_hex, "sha256:" + std::string(64, 'A'), "sha256:../" + k_hex.substr(3),
          "sha512:" + k_hex}) {
        BOOST_CHECK_MESSAGE(!Digest::parse(wrong), wrong);
    }
}

BOOST_AUTO_TEST_CASE(references) {
    const auto full = [](const std::string &text) { return must(Reference::parse(text)).text(); };
    BOOST_TEST(full("pause") == "docker.io/library/pause:latest");
    BOOST_TEST(full("k2s/pause:1.8") == "docker.io/k2s/pause:1.8");
    BOOST_TEST(full("localhost/a") == "localhost/a:latest");
    BOOST_TEST(full("localhost:5000/a/b__c-d.e:T_1") == "localhost:5000/a/b__c-d.e:T_1");
    BOOST_TEST(full("[::1]:5000/a") == "[::1]:5000/a:latest");
    BOOST_TEST(full("r.example/a@sha256:" + k_hex) == "r.example/a@sha256:" + k_hex);
    BOOST_TEST(full("r.example/a:t@sha256:" + k_hex) == "r.example/a:t@sha256:" + k_hex);
    BOOST_TEST(must(Reference::parse("r.example:80/a:t")).path == "a");
    for (const std::string wrong :
         {"", "A", "a//b", "/a", "a/", "a:", "a:b c", "a:-x", "a___b", "a..b", "a/../b", "-a", "a-",
          "r.example:x/a", "r.example:999999/a", "a@sha256:12", "a b", "r_.example/a", ".a.b/c"}) {
        BOOST_CHECK_MESSAGE(!Reference::parse(wrong), wrong);
    }
    BOOST_CHECK(!Reference::parse("a:" + std::string(129, 't')));
    BOOST_CHECK(!Reference::parse(std::string(300, 'a')));
}

BOOST_AUTO_TEST_CASE(platforms) {
    const auto windows = must(Platform::parse("windows/amd64:10.0.20348.2527"));
    BOOST_TEST(windows.os_version == "10.0.20348.2527");
    BOOST_TEST(windows.text() == "windows/amd64:10.0.20348.2527");
    BOOST_TEST(must(Platform::parse("linux/arm/v7")).variant == "v7");
    BOOST_CHECK(must(Platform::parse("windows/amd64:10.0.20348")).matches(windows));
    BOOST_CHECK(!must(Platform::parse("windows/amd64:10.0.2034")).matches(windows));
    BOOST_CHECK(!must(Platform::parse("linux/amd64")).matches(windows));
    for (const std::string wrong :
         {"", "/", "linux/", "linux/amd64/", "a/b/c/d", "Linux/amd64", "linux/amd64:"}) {
        BOOST_CHECK_MESSAGE(!Platform::parse(wrong), wrong);
    }
}

const std::string k_descriptor =
    R"({"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:)" + k_hex +
    R"(","size":2})";

std::string manifest(const std::string &extra = {}) {
    return R"({"schemaVersion":2,"config":)" + k_descriptor + R"(,"layers":[])" + extra + "}";
}

BOOST_AUTO_TEST_CASE(manifests_are_read_strictly) {
    BOOST_TEST(must(Manifest::parse(manifest(), "m")).config.size == 2U);
    const auto says = [](const std::string &text, const std::string &part) {
        CHECK_SAYS(error_of(Manifest::parse(text, "m")), part);
    };
    says("", "no valid JSON");
    says("[]", "no JSON object");
    says(manifest() + "x", "no valid JSON");
    says(manifest(R"(,"layers":[])"), "key 'layers' twice");
    says(manifest(R"(,"manifests":[])"), "index and of an image manifest");
    says(manifest(R"(,"mediaType":"application/vnd.oci.image.index.v1+json")"),
         "its media type is");
    says(manifest(R"(,"annotations":{"a":1})"), "no string");
    says(manifest(R"(,"annotations":[])"), "no object");
    says(R"({"schemaVersion":1,"config":)" + k_descriptor + R"(,"layers":[]})", "schemaVersion");
    says(R"({"schemaVersion":2,"layers":[]})", "'config' is missing");
    says(R"({"schemaVersion":2,"config":)" + k_descriptor + R"(,"layers":[1]})", "no JSON object");
    says(manifest(",\"x\":\"\xff\""), "no valid JSON");
    std::string negative = manifest();
    negative.replace(negative.find("\"size\":2"), 8, "\"size\":-1");
    says(negative, "'size' is no size");
    std::string huge = manifest();
    huge.replace(huge.find("\"size\":2"), 8, "\"size\":18446744073709551615");
    says(huge, "'size' is no size");
    std::string path = manifest();
    path.replace(path.find("sha256:") + 7, 8, "../../..");
    says(path, "lower-case hex digits");
    const std::string deep(100'000, '[');
    says(manifest(",\"x\":" + deep), "no valid JSON");
    says(manifest(",\"x\":" + std::string(40, '[') + std::string(40, ']')), "nests deeper");
    says(std::string(k_max_document + 1, ' '), "more than the limit");
    std::string many;
    for (size_t i = 0; i <= Manifest::k_max_layers; ++i) {
        many += (i > 0 ? "," : "") + k_descriptor;
    }
    says(R"({"schemaVersion":2,"config":)" + k_descriptor + R"(,"layers":[)" + many + "]}",
         "1001 layers");
}

BOOST_AUTO_TEST_CASE(indexes_and_configurations) {
    const std::string entry =
        R"({"mediaType":"m","digest":"sha256:)" + k_hex +
        R"(","size":2,"platform":{"os":"windows","architecture":"amd64","os.version":"10.0.1"}})";
    const auto index =
        must(Index::parse(R"({"schemaVersion":2,"manifests":[)" + entry + "]}", "i"));
    BOOST_TEST(index.manifests.at(0).platform->os_version == "10.0.1");
    const auto again = must(Index::parse(index.text(), "i"));
    BOOST_TEST(again.text() == index.text());
    CHECK_SAYS(error_of(Index::parse(manifest(), "i")), "index and of an image manifest");

    const std::string good =
        R"({"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":["sha256:)" +
        k_hex + R"("]},"unknown":{"kept":[1]}})";
    const auto config = must(ImageConfig::parse(good, "c"));
    BOOST_TEST(config.document.dump() != "");
    BOOST_TEST(config.document["unknown"]["kept"][0] == 1);
    CHECK_SAYS(error_of(ImageConfig::parse(R"({"os":"linux"})", "c")), "does not say");
    CHECK_SAYS(error_of(ImageConfig::parse(R"({"os":"linux","architecture":"amd64"})", "c")),
               "rootfs");
    CHECK_SAYS(error_of(ImageConfig::parse(
                   R"({"os":"l","architecture":"a","rootfs":{"type":"x","diff_ids":["z"]}})", "c")),
               "sha256");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace k2s::image::test
