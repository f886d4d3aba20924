// SPDX-License-Identifier: MIT
#include "build/builder.hpp"
#include "build/pause.hpp"
#include "helpers.hpp"
#include "store/verify.hpp"
#include "store/walk.hpp"

namespace k2s::image::test {

BOOST_AUTO_TEST_SUITE(build)

struct Bench {
    Folder folder;
    Store store = must(Store::open(folder.path("store"), Access::write));

    Json config(const Descriptor &image) const {
        const auto manifest = must(Manifest::parse(must(store.read_document(image)), "m"));
        return must(ImageConfig::parse(must(store.read_document(manifest.config)), "c")).document;
    }
    void check(const Descriptor &image) const {
        const auto report = must(verify(store, image, {}, {}));
        BOOST_TEST(report.problems == std::vector<std::string>(), boost::test_tools::per_element());
    }
};

const Platform k_linux{"linux", "amd64", {}, {}};

BOOST_AUTO_TEST_CASE(from_scratch_and_over_it) {
    Bench bench;
    BuildOptions options;
    options.platform = k_linux;
    options.epoch = 86400;
    options.add = {bench.folder.write("app", "app") + ":/bin/app"};
    options.run.entrypoint = {"/bin/app", "--serve"};
    options.run.command = {"now"};
    options.run.environment = {"A=1", "B=2"};
    options.run.ports = {"80", "53/udp"};
    options.run.labels = {"k=v=w"};
    const auto base = must(build_image(bench.store, options, {}));
    BOOST_TEST(must(build_image(bench.store, options, {})).image.digest.text() ==
               base.image.digest.text());
    bench.check(base.image);
    const auto config = bench.config(base.image);
    BOOST_TEST(config["created"] == "1970-01-02T00:00:00Z");
    BOOST_TEST(config["config"].dump() ==
               R"({"Env":["A=1","B=2"],"Entrypoint":["/bin/app","--serve"],"Cmd":["now"],)"
               R"("Labels":{"k":"v=w"},"ExposedPorts":{"80/tcp":{},"53/udp":{}}})");

    must(bench.store.tag("docker.io/library/base:1", base.image));
    BuildOptions over;
    over.from = "base:1";
    over.remove = {"/bin/app"};
    over.run.entrypoint = {"/new"};
    over.run.environment = {"A=3"};
    const auto next = must(build_image(bench.store, over, {}));
    bench.check(next.image);
    const auto changed = bench.config(next.image);
    BOOST_TEST(changed["config"]["Env"].dump() == R"(["A=3","B=2"])");
    BOOST_TEST(!changed["config"].contains("Cmd"));
    BOOST_TEST(changed["rootfs"]["diff_ids"].size() == 2U);
    BOOST_TEST(changed["history"].size() == 2U);

    over.platform = Platform{"windows", "amd64", {}, {}};
    CHECK_SAYS(error_of(build_image(bench.store, over, {})), "is for linux/amd64, not for windows");
    over.platform.reset();
    over.run.environment = {"=x"};
    CHECK_SAYS(error_of(build_image(bench.store, over, {})), "NAME=VALUE");
    over.run.environment.clear();
    over.run.ports = {"70000"};
    CHECK_SAYS(error_of(build_image(bench.store, over, {})), "is no port");
    over.from = "nowhere";
    BOOST_TEST(code_of(build_image(bench.store, over, {})) == K2S_E_NOT_FOUND);
}

BOOST_AUTO_TEST_CASE(platforms_share_a_name) {
    Bench bench;
    BuildOptions options;
    options.add = {bench.folder.write("app", "app") + ":/app"};
    options.platform = k_linux;
    const auto first = must(build_image(bench.store, options, {})).image;
    options.platform = must(Platform::parse("windows/amd64:10.0.20348.1"));
    const auto second = must(build_image(bench.store, options, {})).image;
    auto index = must(merge_platform(bench.store, first, second));
    index = must(merge_platform(bench.store, index, second)); // replaces its like
    const auto read = documents_of(bench.store);
    BOOST_TEST(must(pick(read, index, k_linux)).digest.text() == first.digest.text());
    BOOST_TEST(
        must(pick(read, index, must(Platform::parse("windows/amd64")))).platform->os_version ==
        "10.0.20348.1");
    CHECK_SAYS(error_of(pick(read, index, must(Platform::parse("linux/arm64")))),
               "linux/amd64, windows/amd64:10.0.20348.1");
    BOOST_TEST(must(Index::parse(must(read(index)), "i")).manifests.size() == 2U);
    bench.check(index);
}

BOOST_AUTO_TEST_CASE(a_source_that_changes_is_noticed) {
    Bench bench;
    LayerTree tree;
    must(add_to_tree(tree, bench.folder.write("f", "123") + ":/f", {}, {}));
    bench.folder.write("f", "1234");
    CHECK_SAYS(error_of(write_layer(bench.store, tree, {}, {})), "changed while it was read");
    bench.folder.write("f", "12");
    CHECK_SAYS(error_of(write_layer(bench.store, tree, {}, {})), "changed while it was read");
    BOOST_CHECK(fs::is_empty(to_path(bench.folder.path("store/.k2s/ingest"))));
}

BOOST_AUTO_TEST_CASE(pause_for_both_systems) {
    Bench bench;
    PauseOptions options;
    CHECK_SAYS(error_of(build_pause(bench.store, options, {})), "neither");
    options.linux_pause = bench.folder.write("pause", "elf");
    options.windows_pause = bench.folder.write("pause.exe", "exe");
    options.wincat = bench.folder.write("wincat.exe", "cat");
    for (const char *version : {"10.0.20348.1", "10.0.26100.1"}) {
        BuildOptions base;
        base.platform = must(Platform::parse(std::string("windows/amd64:") + version));
        base.add = {bench.folder.write("kernel", version) + ":/Windows/kernel"};
        const std::string name = std::string("docker.io/library/nanoserver:") + version;
        must(bench.store.tag(name, must(build_image(bench.store, base, {})).image));
        options.windows_bases.push_back(name);
    }
    const auto image = must(build_pause(bench.store, options, {}));
    bench.check(image);
    const auto index = must(Index::parse(must(bench.store.read_document(image)), "i"));
    std::string platforms;
    for (const auto &entry : index.manifests) {
        platforms += entry.platform->text() + " ";
    }
    BOOST_TEST(platforms == "linux/amd64 windows/amd64:10.0.20348.1 windows/amd64:10.0.26100.1 ");
    BOOST_TEST(bench.config(index.manifests[0])["config"]["User"] == "65535:65535");
    BOOST_TEST(bench.config(index.manifests[1])["config"]["Entrypoint"][0] == "/pause.exe");
    options.windows_bases.push_back(options.windows_bases[0]);
    CHECK_SAYS(error_of(build_pause(bench.store, options, {})), "second base");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace k2s::image::test
