// SPDX-License-Identifier: MIT
#include <zlib.h>

#include "helpers.hpp"
#include "layer/block_pool.hpp"
#include "layer/layer_check.hpp"
#include "layer/layer_writer.hpp"

namespace k2s::image::test {

BOOST_AUTO_TEST_SUITE(layer)

std::string encoded(Compression kind, std::string_view block) {
    std::string out;
    must(must(BlockEncoder::make(kind, 0))->encode(block, out));
    return out;
}

std::string expanded(const std::string &bytes, uint64_t limit = 1U << 30U) {
    Text text(bytes);
    return read_all(*must(expand(text, limit)));
}

std::string why_not(const std::string &bytes, uint64_t limit = 1U << 30U) {
    Text text(bytes);
    auto source = expand(text, limit);
    if (!source) {
        return source.error().message;
    }
    char buffer[4096];
    for (;;) {
        const auto got = (*source)->read(buffer, sizeof(buffer));
        if (!got) {
            return got.error().message;
        }
        if (*got == 0) {
            return "read to its end";
        }
    }
}

BOOST_AUTO_TEST_CASE(members_and_frames_are_joined) {
    std::string plain;
    for (int i = 0; i < 200'000; ++i) {
        plain += std::to_string(i * 7919);
    }
    for (const Compression kind : {Compression::none, Compression::gzip, Compression::zstd}) {
        std::string whole;
        std::string packed;
        for (size_t at = 0; at < plain.size(); at += 300'000) {
            packed += encoded(kind, std::string_view(plain).substr(at, 300'000));
        }
        BOOST_CHECK(expanded(packed) == plain);
        BOOST_CHECK(detect(packed) == kind);
    }
    BOOST_TEST(expanded("") == "");
}

BOOST_AUTO_TEST_CASE(damaged_streams_are_refused) {
    const std::string plain(300'000, 'x');
    for (const Compression kind : {Compression::gzip, Compression::zstd}) {
        const std::string packed = encoded(kind, plain);
        CHECK_SAYS(why_not(packed.substr(0, packed.size() - 4)), "ends too early");
        CHECK_SAYS(why_not(packed + packed.substr(0, 9)), "ends too early");
        CHECK_SAYS(why_not(packed + "garbage"), "damaged");
        std::string flipped = packed;
        flipped[flipped.size() - 2] ^= 0x40;
        CHECK_SAYS(why_not(flipped), "damaged");
        CHECK_SAYS(why_not(packed, 299'999), "decompression bomb");
        BOOST_TEST(why_not(packed, 300'000) == "read to its end");
    }
}

BOOST_AUTO_TEST_CASE(levels_are_checked) {
    BOOST_CHECK(BlockEncoder::make(Compression::gzip, 12));
    BOOST_CHECK(!BlockEncoder::make(Compression::gzip, 13));
    BOOST_CHECK(BlockEncoder::make(Compression::zstd, 19));
    BOOST_CHECK(!BlockEncoder::make(Compression::zstd, -1));
    BOOST_CHECK(!BlockEncoder::make(Compression::none, 1));
}

BOOST_AUTO_TEST_CASE(blocks_keep_their_order) {
    std::string out;
    auto pool = must(BlockPool::make(Compression::none, 0, 7, [&](std::string_view block) {
        out += block;
        return Done();
    }));
    std::string in;
    for (int i = 0; i < 500; ++i) {
        std::string block(static_cast<size_t>(i * 37 % 5000), static_cast<char>('a' + i % 26));
        in += block;
        must(pool->submit(block, block.size()));
    }
    must(pool->finish());
    BOOST_CHECK(out == in);
}

BOOST_AUTO_TEST_CASE(a_sink_that_fails_ends_it) {
    auto pool = must(BlockPool::make(Compression::gzip, 0, 2, [](std::string_view) {
        return Done(fail(K2S_E_IO, "disk full"));
    }));
    Done result;
    std::string block;
    for (int i = 0; i < 100 && result; ++i) {
        block.assign(1000, 'x');
        result = pool->submit(block, block.size());
    }
    CHECK_SAYS(error_of(result), "disk full");
}

std::string check(const std::string &bytes, bool windows = false, uint64_t limit = 1U << 30U) {
    Text text(bytes);
    const auto facts = check_layer(text, windows, limit, {});
    return facts ? fmt::format("{} entries", facts->entries) : facts.error().message;
}

BOOST_AUTO_TEST_CASE(entries_that_lead_out_are_refused) {
    BOOST_TEST(check(Tar().add("a/b", "x").folder("c").bytes()) == "2 entries");
    BOOST_TEST(check(Tar().folder("./").add("./a").bytes()) == "2 entries");
    CHECK_SAYS(check(Tar().add("/etc/passwd", "x").bytes()), "absolute path");
    CHECK_SAYS(check(Tar().add("C:/Windows/x", "x").bytes()), "absolute path");
    CHECK_SAYS(check(Tar().add("\\\\host\\x", "x").bytes()), "absolute path");
    CHECK_SAYS(check(Tar().add("a/../../x", "x").bytes()), "'..'");
    CHECK_SAYS(check(Tar().add("a\xff", "x").bytes()), "no UTF-8");
    BOOST_TEST(check(Tar()
                         .patched("groesse", 0,
                                  "gr\xc3\xb6\xc3\x9f"
                                  "e")
                         .bytes()) == "1 entries"); // in the header itself, as GNU tar writes it
    CHECK_SAYS(check(Tar().patched("dev", 156, "3").bytes()), "device");
    CHECK_SAYS(check(Tar().patched("pipe", 156, "6").bytes()), "device");
}

BOOST_AUTO_TEST_CASE(links_are_kept_inside) {
    const auto symbolic = EntryType::symlink;
    const auto hard = EntryType::hard_link;
    BOOST_TEST(check(Tar().link(symbolic, "lib", "usr/lib").link(symbolic, "x", "/etc").bytes()) ==
               "2 entries"); // where they lead is decided in the container
    CHECK_SAYS(check(Tar().link(symbolic, "x", "/etc").add("x/passwd", "x").bytes()),
               "below a symbolic link");
    BOOST_TEST(check(Tar().add("a", "x").link(hard, "b", "a").bytes()) == "2 entries");
    CHECK_SAYS(check(Tar().link(hard, "b", "a").add("a", "x").bytes()), "hard link");
    CHECK_SAYS(check(Tar().link(hard, "b", "/etc/passwd").bytes()), "hard link");
    CHECK_SAYS(check(Tar().link(hard, "b", "../../etc/passwd").bytes()), "hard link");
    CHECK_SAYS(check(Tar().add("a", "x").add("a/b", "x").bytes()), "no folder");
}

BOOST_AUTO_TEST_CASE(nothing_is_there_twice) {
    CHECK_SAYS(check(Tar().add("a", "1").add("a", "2").bytes()), "twice");
    CHECK_SAYS(check(Tar().add("a", "1").add("./a", "2").bytes()), "twice");
    CHECK_SAYS(check(Tar().folder("a").add("a", "2").bytes()), "twice");
    CHECK_SAYS(check(Tar().add("a", "2").folder("a").bytes()), "twice");
    BOOST_TEST(check(Tar().folder("a").folder("a").bytes()) == "2 entries"); // tools do that
    BOOST_TEST(check(Tar().add("a", "1").add("A", "2").bytes()) == "2 entries");
    CHECK_SAYS(check(Tar().add("Files/a", "1").add("Files/A", "2").bytes(), true),
               "upper and lower case");
}

BOOST_AUTO_TEST_CASE(false_sizes_and_bombs_are_refused) {
    TarEntry claim; // 100 GB, and nothing there
    claim.path = "huge";
    claim.size = uint64_t{100} << 30U;
    CHECK_SAYS(check(tar_header(claim)), "claims 107374182400 bytes");
    CHECK_SAYS(check(tar_header(claim), false, uint64_t{1} << 40U), "no sound tar archive");
    CHECK_SAYS(check(Tar().patched("a", 124, "00000001000").without_end()), "no sound tar archive");
    CHECK_SAYS(check(Tar().patched("a", 124, "77777777777").bytes()), "claims");
    CHECK_SAYS(check(Tar().add("a", "x").bytes().substr(0, 700)), "no sound tar archive");
    CHECK_SAYS(check("this is no archive, however long it is " + std::string(2000, '.')),
               "no sound tar archive");
    std::string bomb;
    const std::string zeros = encoded(Compression::gzip, std::string(1U << 20U, '\0'));
    for (int i = 0; i < 64; ++i) {
        bomb += zeros;
    }
    TarEntry entry;
    entry.path = "zeros";
    entry.size = uint64_t{64} << 20U;
    const std::string packed = encoded(Compression::gzip, tar_header(entry)) + bomb;
    CHECK_SAYS(check(packed, false, 32U << 20U), "limit");
    BOOST_TEST(check(packed, false, 65U << 20U) == "1 entries");
}

struct Written {
    LayerTree tree;
    WrittenLayer layer;
};

WrittenLayer write(const Store &store, LayerTree &tree, const LayerOptions &options,
                   bool windows = false) {
    TreeOptions settings;
    settings.windows = windows;
    must(finish_tree(tree, settings));
    return must(write_layer(store, tree, options, {}));
}

BOOST_AUTO_TEST_CASE(bytes_depend_on_the_content_alone) {
    const Folder folder;
    const Folder second;
    for (const Folder *place : {&folder, &second}) {
        place->write("src/a/one", std::string(3'000'000, '1'));
        place->write("src/b", "two");
        place->write("src/\xc3\xa9/long" + std::string(120, 'n'), "three");
    }
    std::vector<std::string> digests;
    for (const auto &[place, threads] : {std::pair{&folder, 1U}, {&second, 5U}}) {
        const auto store = must(Store::open(place->path("store"), Access::write));
        LayerTree tree;
        must(add_to_tree(tree, place->path("src") + ":/top", TreeOptions{.mode = 0644}, {}));
        const auto layer = write(store, tree, {.threads = threads});
        digests.push_back(layer.descriptor.digest.text() + layer.diff_id.text());
        auto reader = must(store.read(layer.descriptor));
        const auto facts = must(check_layer(reader, false, 1U << 30U, {}));
        BOOST_TEST(facts.diff_id.text() == layer.diff_id.text());
        BOOST_TEST(facts.entries == 6U); // top, top/a, …/one, top/b, top/é, …/long
        BOOST_TEST(facts.bytes == 3'000'008U);
    }
    BOOST_TEST(digests[0] == digests[1]);
}

BOOST_AUTO_TEST_CASE(what_is_no_content_is_refused) {
    const Folder folder;
    folder.write("d/f", "x");
    LayerTree tree;
    const auto add = [&](const std::string &spec) {
        return error_of(add_to_tree(tree, spec, {}, {}));
    };
    CHECK_SAYS(add(folder.path("d")), "SOURCE:/DESTINATION");
    CHECK_SAYS(add(folder.path("none") + ":/x"), "cannot look at");
    CHECK_SAYS(add(folder.path("d/f") + ":/../x"), "'..'");
    BOOST_TEST(add(folder.path("d/f") + ":/in/") == "succeeded");
    BOOST_TEST(tree.nodes.count("in/f") == 1U);
    CHECK_SAYS(add(folder.path("d") + ":/in"), "twice");
    BOOST_TEST(add(folder.path("d") + ":/other") == "succeeded");
    folder.write("w/.wh.x", "x");
    CHECK_SAYS(add(folder.path("w") + ":/w"), "mark removals");
    BOOST_TEST(add(folder.path("d/f") + ":/f") == "succeeded");
    BOOST_TEST(add(folder.path("d/f") + ":/f/g") == "succeeded");
    CHECK_SAYS(error_of(finish_tree(tree, {})), "is no folder");
}

BOOST_AUTO_TEST_CASE(removals_are_marked) {
    LayerTree tree;
    must(add_removal(tree, "/etc/motd", {}));
    must(add_opaque(tree, "/var/cache", {}));
    CHECK_SAYS(error_of(add_removal(tree, "/", {})), "names nothing");
    CHECK_SAYS(error_of(add_removal(tree, "/a/.wh.b", {})), "mark removals");
    must(finish_tree(tree, {}));
    std::string paths;
    for (const auto &[path, node] : tree.nodes) {
        paths += path + " ";
    }
    BOOST_TEST(paths == "etc etc/.wh.motd var var/cache var/cache/.wh..wh..opq ");
}

BOOST_AUTO_TEST_CASE(windows_layers_have_its_shape) {
    const Folder folder;
    const auto store = must(Store::open(folder.path("store"), Access::write));
    LayerTree tree;
    must(add_to_tree(tree, folder.write("x", "x") + ":/app/x.exe", {}, {}));
    const auto layer = write(store, tree, {.compression = Compression::none}, true);
    const std::string bytes = must(store.read_document(layer.descriptor));
    std::string paths;
    for (const auto &[path, node] : tree.nodes) {
        paths += path + " ";
    }
    BOOST_TEST(paths == "Files Files/app Files/app/x.exe Hives ");
    BOOST_CHECK(has(bytes, "MSWINDOWS.fileattr=16\n"));
    BOOST_CHECK(has(bytes, "MSWINDOWS.fileattr=32\n"));
    BOOST_CHECK(has(bytes, "MSWINDOWS.rawsd=AQAEgBQAAAAk"));

    LayerTree both;
    must(add_to_tree(both, folder.path("x") + ":/a", {}, {}));
    must(add_to_tree(both, folder.path("x") + ":/A", {}, {}));
    TreeOptions windows;
    windows.windows = true;
    CHECK_SAYS(error_of(finish_tree(both, windows)), "case alone");
}

BOOST_AUTO_TEST_CASE(headers_say_what_does_not_fit) {
    TarEntry entry;
    entry.path = "big";
    entry.size = uint64_t{1} << 33U;
    entry.uid = 1U << 21U;
    const std::string bytes = tar_header(entry);
    BOOST_TEST(bytes.size() == 3 * 512U);
    BOOST_CHECK(has(bytes, "19 size=8589934592\n"));
    BOOST_CHECK(has(bytes, "15 uid=2097152\n"));
    entry.size -= 1;
    entry.uid -= 1;
    BOOST_TEST(tar_header(entry).size() == 512U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace k2s::image::test
