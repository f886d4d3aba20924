// SPDX-License-Identifier: MIT
#include "layer/layer_writer.hpp"

#include <algorithm>
#include <cstring>

#include "layer/block_pool.hpp"

namespace k2s::image {
namespace {

/// Large enough that a block's own dictionary costs next to nothing (0.1 %), small enough to keep
/// two processors busy with little memory.
constexpr size_t k_block = 1U << 20U;

/// Cuts the archive's bytes into blocks, digests them and hands them to the pool.
class Blocks {
  public:
    Blocks(BlockPool &pool, Hasher &hasher) : pool_(pool), hasher_(hasher), block_(k_block, '\0') {}

    /// Room for at least one byte, to be filled in place.
    std::pair<char *, size_t> room() { return {block_.data() + used_, k_block - used_}; }
    Done took(size_t bytes) {
        used_ += bytes;
        return used_ == k_block ? flush() : Done();
    }
    Done write(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto [to, size] = room();
            const size_t piece = std::min(size, bytes.size());
            std::memcpy(to, bytes.data(), piece);
            bytes.remove_prefix(piece);
            if (auto done = took(piece); !done) {
                return done;
            }
        }
        return {};
    }
    Done flush() {
        if (used_ == 0) {
            return {};
        }
        hasher_.update(block_.data(), used_);
        auto submitted = pool_.submit(block_, used_);
        block_.resize(k_block); // nothing to do for a used one
        used_ = 0;
        return submitted;
    }

  private:
    BlockPool &pool_;
    Hasher &hasher_;
    std::string block_;
    size_t used_ = 0;
};

Done copy_file(Blocks &blocks, const LayerTree::Node &node, const Watch &watch) {
    auto file = File::open(node.source);
    if (!file) {
        return pass(file);
    }
    uint64_t left = node.entry.size;
    while (left > 0) {
        if (watch.stop()) {
            return stopped();
        }
        const auto [to, room] = blocks.room();
        const auto got = file->read(to, static_cast<size_t>(std::min<uint64_t>(room, left)));
        if (!got) {
            return std::unexpected(got.error());
        }
        if (*got == 0) {
            break;
        }
        left -= *got;
        watch.done(*got);
        if (auto done = blocks.took(*got); !done) {
            return done;
        }
    }
    if (const auto size = file->size(); left > 0 || !size || *size != node.entry.size) {
        return fail(K2S_E_FAILED, "'{}' changed while it was read; nothing was built", node.source);
    }
    return {};
}

Done write_archive(Blocks &blocks, const LayerTree &tree, const Watch &watch) {
    static constexpr char zeros[k_tar_end] = {};
    for (const auto &[path, node] : tree.nodes) {
        if (auto done = blocks.write(tar_header(node.entry)); !done) {
            return done;
        }
        auto body =
            node.source.empty() ? blocks.write(node.content) : copy_file(blocks, node, watch);
        if (!body) {
            return body;
        }
        if (auto done = blocks.write({zeros, tar_padding(node.entry.size)}); !done) {
            return done;
        }
    }
    if (auto done = blocks.write({zeros, k_tar_end}); !done) {
        return done;
    }
    return blocks.flush();
}

} // namespace

Result<WrittenLayer> write_layer(const Store &store, const LayerTree &tree,
                                 const LayerOptions &options, const Watch &watch) {
    auto blob = store.write();
    if (!blob) {
        return pass(blob);
    }
    auto pool = BlockPool::make(
        options.compression, options.level, options.threads,
        [&](std::string_view encoded) { return blob->write(encoded.data(), encoded.size()); });
    if (!pool) {
        return pass(pool);
    }
    Hasher diff;
    Blocks blocks(**pool, diff);
    if (auto written = write_archive(blocks, tree, watch); !written) {
        return pass(written);
    }
    if (auto finished = (*pool)->finish(); !finished) {
        return pass(finished);
    }
    const uint64_t size = blob->size();
    auto digest = blob->commit();
    if (!digest) {
        return pass(digest);
    }
    return WrittenLayer{
        Descriptor{std::string(layer_type(options.compression)), std::move(*digest), size, {}, {}},
        diff.finish(), tree.nodes.size()};
}

} // namespace k2s::image
