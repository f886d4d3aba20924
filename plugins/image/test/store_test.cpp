// SPDX-License-Identifier: MIT
#include <thread>

#include "helpers.hpp"
#include "store/verify.hpp"
#include "store/walk.hpp"

namespace k2s::image::test {

BOOST_AUTO_TEST_SUITE(store)

/// An image of a configuration and one layer of these bytes.
Descriptor put_image(const Store &store, const std::string &layer_bytes,
                     const std::string &os = "linux") {
    auto layer = must(store.put(layer_bytes, media_type::layer));
    const std::string config = R"({"architecture":"amd64","os":")" + os +
                               R"(","rootfs":{"type":"layers","diff_ids":[")" +
                               layer.digest.text() + R"("]}})";
    Manifest manifest{std::string(media_type::manifest),
                      must(store.put(config, media_type::config)),
                      {layer},
                      {}};
    return must(store.put(manifest.text(), media_type::manifest));
}

BOOST_AUTO_TEST_CASE(keeps_names_and_finds_them) {
    const Folder folder;
    const auto store = must(Store::open(folder.path("s"), Access::write));
    BOOST_TEST(folder.read("s/oci-layout") == R"({"imageLayoutVersion":"1.0.0"})");
    const auto one = put_image(store, Tar().add("a", "1").bytes());
    const auto two = put_image(store, Tar().add("a", "2").bytes());
    must(store.tag("docker.io/library/one:latest", one));
    must(store.tag("docker.io/library/two:latest", two));
    must(store.tag("docker.io/library/two:latest", two)); // replaces itself
    BOOST_TEST(must(store.index()).manifests.size() == 2U);
    BOOST_TEST(must(store.find("one")).digest.text() == one.digest.text());
    BOOST_TEST(must(store.find(two.digest.text())).digest.text() == two.digest.text());
    BOOST_TEST(must(store.find(std::string(two.digest.hex().substr(0, 9)))).digest.text() ==
               two.digest.text());
    BOOST_TEST(code_of(store.find("three")) == K2S_E_NOT_FOUND);
    BOOST_TEST(code_of(store.untag("docker.io/library/three:latest")) == K2S_E_NOT_FOUND);
    must(store.untag("docker.io/library/one:latest"));
    BOOST_TEST(code_of(store.find("one")) == K2S_E_NOT_FOUND);
}

BOOST_AUTO_TEST_CASE(collects_what_no_image_needs) {
    const Folder folder;
    Descriptor two{{}, Digest::of({}), 0, {}, {}};
    {
        const auto store = must(Store::open(folder.path(), Access::write));
        const auto one = put_image(store, Tar().add("a", "1").bytes());
        two = put_image(store, Tar().add("a", "2").bytes());
        must(store.tag("docker.io/library/one:latest", one));
        must(store.tag("docker.io/library/two:latest", two));
        must(store.put("nobody's", "text/plain"));
        must(store.untag("docker.io/library/one:latest"));
        folder.write(".k2s/ingest/blob-left-by-a-crash", "half");
        folder.write("blobs/sha256/no-digest", "not ours");
    }
    const auto store = must(Store::open(folder.path(), Access::exclusive));
    const auto collected = must(store.collect());
    BOOST_TEST(collected.blobs ==
               5U); // layer, configuration, manifest, the loose one, the half one
    BOOST_TEST(must(store.collect()).blobs == 0U);
    BOOST_TEST(folder.read("blobs/sha256/no-digest") == "not ours");
    BOOST_TEST(must(verify(store, two, {}, {})).problems.empty());

    // What a damaged manifest needs is unknown, so nothing may go.
    must(store.put("nobody's", "text/plain"));
    folder.write("blobs/sha256/" + std::string(two.digest.hex()), "damaged");
    CHECK_SAYS(error_of(store.collect()), "nothing was removed");
    BOOST_CHECK(store.has({{}, Digest::of("nobody's"), 8, {}, {}}));
}

BOOST_AUTO_TEST_CASE(a_writer_that_dies_leaves_nothing_visible) {
    const Folder folder;
    const auto store = must(Store::open(folder.path(), Access::write));
    {
        auto writer = must(store.write());
        must(writer.write("abc", 3));
    }
    BOOST_CHECK(fs::is_empty(to_path(folder.path(".k2s/ingest"))));
    auto writer = must(store.write());
    must(writer.write("abc", 3));
    const Descriptor other{{}, Digest::of("abd"), 3, {}, {}};
    CHECK_SAYS(error_of(writer.commit(&other)), "other content");
    BOOST_CHECK(!store.has(other));
    auto longer = must(store.write());
    must(longer.write("abc", 3));
    const Descriptor shorter{{}, Digest::of("abc"), 2, {}, {}};
    CHECK_SAYS(error_of(longer.commit(&shorter)), "3 bytes instead of 2");
}

BOOST_AUTO_TEST_CASE(damage_is_found) {
    const Folder folder;
    const auto store = must(Store::open(folder.path(), Access::write));
    const auto image = put_image(store, Tar().add("a", "1").bytes());
    const auto layer = must(Manifest::parse(must(store.read_document(image)), "m")).layers[0];
    const auto problems = [&] { return must(verify(store, image, {}, {})).problems; };
    BOOST_TEST(problems().empty());

    std::string bytes = folder.read("blobs/sha256/" + std::string(layer.digest.hex()));
    bytes[512] ^= 1;
    folder.write("blobs/sha256/" + std::string(layer.digest.hex()), bytes);
    BOOST_TEST(problems().size() == 1U);
    CHECK_SAYS(problems().at(0), "damaged");
    folder.write("blobs/sha256/" + std::string(layer.digest.hex()), bytes.substr(0, 600));
    CHECK_SAYS(problems().at(0), "600 bytes instead of");
    folder.write("blobs/sha256/" + std::string(layer.digest.hex()), bytes + "x");
    BOOST_TEST(problems().size() == 1U);
    fs::remove(to_path(store.blob_path(layer.digest)));
    CHECK_SAYS(problems().at(0), "cannot be read");
    fs::remove(to_path(store.blob_path(image.digest)));
    CHECK_SAYS(problems().at(0), "cannot be read");
}

BOOST_AUTO_TEST_CASE(configuration_and_manifest_have_to_fit) {
    const Folder folder;
    const auto store = must(Store::open(folder.path(), Access::write));
    const auto layer = must(store.put(Tar().add("a", "1").bytes(), media_type::layer));
    const auto other = must(store.put(Tar().add("a", "2").bytes(), media_type::layer));
    const auto problems = [&](const std::string &diff_ids, std::vector<Descriptor> layers) {
        const std::string config =
            R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[)" +
            diff_ids + "]}}";
        Manifest manifest{std::string(media_type::manifest),
                          must(store.put(config, media_type::config)),
                          std::move(layers),
                          {}};
        const auto image = must(store.put(manifest.text(), media_type::manifest));
        const auto report = must(verify(store, image, {}, {}));
        return report.problems.empty() ? std::string("none") : report.problems.front();
    };
    const auto id = [](const Descriptor &blob) { return "\"" + blob.digest.text() + "\""; };
    BOOST_TEST(problems(id(layer), {layer}) == "none");
    CHECK_SAYS(problems(id(other), {layer}), "its image says");
    CHECK_SAYS(problems(id(layer) + "," + id(other), {layer}), "names 2 layers, its manifest 1");
    auto wrong = layer;
    wrong.media_type = media_type::layer_gzip;
    CHECK_SAYS(problems(id(layer), {wrong}), "its compression is none");
    wrong.media_type = "text/html";
    CHECK_SAYS(problems(id(layer), {wrong}), "no runtime unpacks");
    wrong.media_type = media_type::index;
    CHECK_SAYS(problems(id(layer), {wrong}), "names an index or manifest as a");
}

BOOST_AUTO_TEST_CASE(indexes_in_indexes_end) {
    const Folder folder;
    const auto store = must(Store::open(folder.path(), Access::write));
    auto image = put_image(store, Tar().bytes());
    for (int i = 0; i < 4; ++i) {
        Index index;
        index.manifests = {image};
        image = must(store.put(index.text(), media_type::index));
    }
    BOOST_TEST(must(verify(store, image, {}, {})).problems.empty());
    Index index;
    index.manifests = {image};
    image = must(store.put(index.text(), media_type::index));
    CHECK_SAYS(must(verify(store, image, {}, {})).problems.at(0), "nested deeper");

    // A cycle needs a document that contains its own digest: one whose content is another.
    const Digest claimed = Digest::of("claimed");
    Index cycle;
    cycle.manifests = {Descriptor{std::string(media_type::index), claimed, 300, {}, {}}};
    folder.write("blobs/sha256/" + std::string(claimed.hex()), cycle.text());
    CHECK_SAYS(must(verify(store, cycle.manifests[0], {}, {})).problems.at(0), "damaged");
}

BOOST_AUTO_TEST_CASE(locks_keep_collecting_and_adding_apart) {
    const Folder folder;
    auto first = File::open_or_create(folder.write("lock", ""));
    auto second = File::open_or_create(folder.path("lock"));
    const auto brief = std::chrono::milliseconds(60);
    BOOST_TEST(must(must(std::move(first)).lock(LockKind::shared, brief)));
    auto holder = must(File::open_or_create(folder.path("lock")));
    BOOST_TEST(must(holder.lock(LockKind::shared, brief)));
    auto waiter = must(std::move(second));
    BOOST_TEST(!must(waiter.lock(LockKind::exclusive, brief)));
    std::thread later([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        const File gone = std::move(holder);
    });
    BOOST_TEST(must(waiter.lock(LockKind::exclusive, std::chrono::seconds(60))));
    later.join();
}

BOOST_AUTO_TEST_CASE(names_survive_many_writers) {
    const Folder folder;
    const auto store = must(Store::open(folder.path(), Access::write));
    const auto image = put_image(store, Tar().bytes());
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&, i] {
            const auto mine = Store::open(folder.path(), Access::write);
            for (int k = 0; mine && k < 3; ++k) {
                (void)mine->tag(fmt::format("docker.io/library/n{}-{}:latest", i, k), image);
            }
        });
    }
    for (auto &thread : threads) {
        thread.join();
    }
    BOOST_TEST(must(store.index()).manifests.size() == 24U);
}

BOOST_AUTO_TEST_CASE(foreign_folders_are_told_apart) {
    const Folder folder;
    CHECK_SAYS(error_of(Store::open(folder.path("none"), Access::read)), "no image layout");
    folder.write("v2/oci-layout", R"({"imageLayoutVersion":"2.0.0"})");
    CHECK_SAYS(error_of(Store::open(folder.path("v2"), Access::write)), "known is 1.0.0");
    folder.write("file", "x");
    BOOST_CHECK(!Store::open(folder.path("file"), Access::write));
    CHECK_SAYS(error_of(Store::open("", Access::write)), "--store");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace k2s::image::test
