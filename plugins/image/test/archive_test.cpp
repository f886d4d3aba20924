// SPDX-License-Identifier: MIT
#include "build/builder.hpp"
#include "helpers.hpp"
#include "layer/compression.hpp"
#include "store/verify.hpp"
#include "transfer/export.hpp"
#include "transfer/import.hpp"

namespace k2s::image::test {

BOOST_AUTO_TEST_SUITE(archive)

struct Place {
    Folder folder;
    Store store = must(Store::open(folder.path("store"), Access::write));

    Descriptor build(const std::string &content = "x") {
        BuildOptions options;
        options.add = {folder.write("file", content) + ":/file"};
        options.platform = Platform{"linux", "amd64", {}, {}};
        return must(build_image(store, options, {})).image;
    }
    std::string import_error(const std::string &bytes) {
        return error_of(import_images(store, folder.write("in.tar", bytes), {}));
    }
};

BOOST_AUTO_TEST_CASE(archives_come_back_as_they_were) {
    Place place;
    const auto image = place.build();
    for (const ArchiveKind kind :
         {ArchiveKind::oci_archive, ArchiveKind::docker_archive, ArchiveKind::layout}) {
        const std::string target = place.folder.path(fmt::format("out{}", static_cast<int>(kind)));
        must(export_image(place.store, image, "docker.io/library/x:1", kind, target,
                          Platform{"linux", "amd64", {}, {}}, {}));
        Place other;
        const auto images = must(import_images(other.store, target, {}));
        BOOST_REQUIRE(images.size() == 1U);
        BOOST_TEST(images[0].name == "docker.io/library/x:1");
        BOOST_TEST(images[0].image.digest.text() == image.digest.text());
        BOOST_TEST(must(verify(other.store, images[0].image, {}, {})).problems.empty());
    }
}

BOOST_AUTO_TEST_CASE(importing_again_mends_what_is_damaged) {
    Place place;
    const auto image = place.build();
    Place other;
    for (const ArchiveKind kind :
         {ArchiveKind::oci_archive, ArchiveKind::docker_archive, ArchiveKind::layout}) {
        const std::string target = place.folder.path(fmt::format("m{}", static_cast<int>(kind)));
        must(export_image(place.store, image, "docker.io/library/x:1", kind, target,
                          Platform{"linux", "amd64", {}, {}}, {}));
        must(import_images(other.store, target, {}));
        size_t blobs = 0;
        for (const auto &entry :
             fs::directory_iterator(to_path(other.folder.path("store/blobs/sha256")))) {
            // Of the same size, so that only its content tells.
            const std::string name = "store/blobs/sha256/" + entry.path().filename().string();
            std::string bytes = other.folder.read(name);
            bytes[bytes.size() / 2] ^= 1;
            other.folder.write(name, bytes);
            ++blobs;
        }
        BOOST_TEST(blobs == 3U);
        const auto again = must(import_images(other.store, target, {}));
        BOOST_TEST(must(verify(other.store, again.at(0).image, {}, {})).problems.empty());
    }
}

BOOST_AUTO_TEST_CASE(an_archive_does_not_count_on_what_is_damaged) {
    Place place;
    const Digest blob = Digest::of("blob");
    // Its blob stands in the store alone.
    const std::string without =
        Tar()
            .add("oci-layout", R"({"imageLayoutVersion":"1.0.0"})")
            .add(
                "index.json",
                fmt::format(
                    R"({{"schemaVersion":2,"manifests":[{{"mediaType":"text/plain","digest":"{}","size":4}}]}})",
                    blob.text()))
            .bytes();
    must(place.store.put("blob", "text/plain"));
    BOOST_TEST(place.import_error(without) == "succeeded");
    place.folder.write("store/blobs/sha256/" + std::string(blob.hex()), "blub");
    CHECK_SAYS(place.import_error(without), "damaged");
    must(place.store.put("blob", "text/plain")); // writes it anew
    BOOST_TEST(place.import_error(without) == "succeeded");
}

BOOST_AUTO_TEST_CASE(archives_are_the_same_every_time_and_may_be_compressed) {
    Place place;
    const auto image = place.build();
    for (const char *name : {"a", "b"}) {
        must(export_image(place.store, image, "docker.io/library/x:1", ArchiveKind::oci_archive,
                          place.folder.path(name), {}, {}));
    }
    BOOST_CHECK(place.folder.read("a") == place.folder.read("b"));
    for (const Compression kind : {Compression::gzip, Compression::zstd}) {
        std::string packed;
        must(must(BlockEncoder::make(kind, 0))->encode(place.folder.read("a"), packed));
        Place other;
        BOOST_TEST(must(import_images(other.store, other.folder.write("p", packed), {})).size() ==
                   1U);
    }
}

/// A whole OCI archive, of which one thing can be changed.
std::string oci(const std::string &blob_name, const std::string &blob,
                const std::string &index_digest, size_t size, const Tar &more = {}) {
    return Tar()
               .add("oci-layout", R"({"imageLayoutVersion":"1.0.0"})")
               .add(
                   "index.json",
                   fmt::format(
                       R"({{"schemaVersion":2,"manifests":[{{"mediaType":"text/plain","digest":"{}","size":{}}}]}})",
                       index_digest, size))
               .add("blobs/sha256/" + blob_name, blob)
               .without_end() +
           more.bytes();
}

BOOST_AUTO_TEST_CASE(hostile_archives_are_refused) {
    Place place;
    const Digest good = Digest::of("blob");
    const std::string hex(good.hex());
    BOOST_TEST(place.import_error(oci(hex, "blob", good.text(), 4)) == "succeeded");
    const Digest other = Digest::of("other");
    CHECK_SAYS(place.import_error(oci(std::string(other.hex()), "blob", other.text(), 4)),
               "other content");
    CHECK_SAYS(place.import_error(oci(hex, "blob", other.text(), 4)), "missing");
    CHECK_SAYS(place.import_error(oci(hex, "blob", good.text(), 5)), "missing");
    CHECK_SAYS(place.import_error(oci("../../../evil", "blob", good.text(), 4)), "'..'");
    CHECK_SAYS(place.import_error(oci("evil", "blob", good.text(), 4)), "is no blob");
    const auto with = [&](const Tar &more) {
        return place.import_error(oci(hex, "blob", good.text(), 4, more));
    };
    CHECK_SAYS(with(Tar().add("/etc/x", "x")), "absolute");
    CHECK_SAYS(with(Tar().add("index.json", "{}")), "twice");
    CHECK_SAYS(with(Tar().add("INDEX.json", "{}")), "twice");
    CHECK_SAYS(with(Tar().link(EntryType::symlink, "x", "/etc/passwd")), "symbolic link");
    CHECK_SAYS(with(Tar().link(EntryType::hard_link, "x", "index.json")), "hard link");
    CHECK_SAYS(with(Tar().patched("dev", 156, "3")), "device");
    CHECK_SAYS(place.import_error(oci(hex, "blob", good.text(), 4).substr(0, 2000)),
               "no sound tar archive");
    CHECK_SAYS(place.import_error(Tar().add("readme", "x").bytes()), "no archive of images");
    CHECK_SAYS(place.import_error("not a tar"), "no sound tar archive");
    CHECK_SAYS(place.import_error(""), "no archive of images");
    CHECK_SAYS(place.import_error(Tar().patched("index.json", 124, "77777777777").bytes()),
               "limit");
    BOOST_TEST(code_of(import_images(place.store, place.folder.path("none"), {})) ==
               K2S_E_NOT_FOUND);
    BOOST_CHECK(fs::is_empty(to_path(place.folder.path("store/.k2s/ingest"))));
}

struct Docker {
    std::string layer = Tar().add("f", "x").bytes();
    std::string config =
        R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[")" +
        Digest::of(layer).text() + R"("]}})";
    std::string manifest = R"([{"Config":"c.json","RepoTags":["x:1"],"Layers":["l/layer.tar"]}])";
};

BOOST_AUTO_TEST_CASE(docker_archives_in_their_old_shapes) {
    const Docker parts;
    Place place;
    // The layer is a link to another entry, and manifest.json comes last.
    const std::string linked = Tar()
                                   .add("c.json", parts.config)
                                   .link(EntryType::symlink, "l/layer.tar", "../abc.tar")
                                   .add("abc.tar", parts.layer)
                                   .add("l/json", "{}")
                                   .add("manifest.json", parts.manifest)
                                   .bytes();
    const auto images = must(import_images(place.store, place.folder.write("d.tar", linked), {}));
    BOOST_TEST(images.at(0).name == "x:1");
    BOOST_TEST(must(verify(place.store, images[0].image, {}, {})).problems.empty());

    const auto import = [&](const std::string &manifest, const std::string &config,
                            const std::string &layer) {
        return place.import_error(Tar()
                                      .add("manifest.json", manifest)
                                      .add("c.json", config)
                                      .add("l/layer.tar", layer)
                                      .bytes());
    };
    BOOST_TEST(import(parts.manifest, parts.config, parts.layer) == "succeeded");
    CHECK_SAYS(import(parts.manifest, parts.config, Tar().add("f", "y").bytes()),
               "as its image says");
    CHECK_SAYS(import(parts.manifest, "{}", parts.layer), "does not say");
    CHECK_SAYS(import(R"([{"Config":"d.json","Layers":[]}])", parts.config, parts.layer),
               "is missing");
    CHECK_SAYS(
        import(R"([{"Config":"c.json","Layers":["x","l/layer.tar"]}])", parts.config, parts.layer),
        "names 1 layers, manifest.json 2");
    CHECK_SAYS(
        import(R"([{"Config":"c.json","Layers":["../../etc/passwd"]}])", parts.config, parts.layer),
        "is missing");
    CHECK_SAYS(import("{}", parts.config, parts.layer), "no list");
    CHECK_SAYS(import("[1]", parts.config, parts.layer), "is no image");
}

BOOST_AUTO_TEST_CASE(a_damaged_blob_is_not_exported) {
    Place place;
    const auto image = place.build(std::string(100'000, 'x'));
    const auto layer =
        must(Manifest::parse(must(place.store.read_document(image)), "m")).layers.at(0);
    std::string bytes = Folder::read_all(place.store.blob_path(layer.digest));
    bytes[bytes.size() / 2] ^= 1;
    place.folder.write("store/blobs/sha256/" + std::string(layer.digest.hex()), bytes);
    for (const ArchiveKind kind : {ArchiveKind::oci_archive, ArchiveKind::docker_archive}) {
        place.folder.write("target", "old");
        CHECK_SAYS(error_of(export_image(place.store, image, "x", kind, place.folder.path("target"),
                                         Platform{"linux", "amd64", {}, {}}, {})),
                   "damaged");
        BOOST_TEST(place.folder.read("target") == "old");
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace k2s::image::test
