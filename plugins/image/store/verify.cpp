// SPDX-License-Identifier: MIT
#include "store/verify.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "layer/layer_check.hpp"
#include "store/walk.hpp"

namespace k2s::image {
namespace {

struct Task {
    Descriptor blob;
    Kind kind;
    std::optional<Digest> diff_id; // of a layer whose configuration is known
    bool windows = false;
};

class Verifier {
  public:
    Verifier(const Store &store, const VerifyOptions &options, const Watch &watch)
        : store_(store), options_(options), watch_(watch) {}

    Result<VerifyReport> run(const Descriptor &image) {
        const ReadDocument read = documents_of(store_);
        const auto walked =
            walk(read, image, [&](const Descriptor &blob, Kind kind, const std::string &document) {
                if (kind == Kind::index || kind == Kind::manifest) {
                    ++report_.blobs;
                    report_.bytes += blob.size;
                }
                if (kind == Kind::manifest) {
                    manifest(blob, document);
                } else if (kind != Kind::index) {
                    tasks_.try_emplace(blob.digest, Task{blob, kind, {}, false});
                }
                return Done();
            });
        if (!walked) {
            problem(walked.error().message);
        }
        return check_blobs();
    }

  private:
    void problem(std::string message) {
        const std::lock_guard lock(mutex_);
        report_.problems.push_back(std::move(message));
    }

    /// The configuration has to name one diff ID for each layer.
    void manifest(const Descriptor &blob, const std::string &document) {
        const auto manifest = Manifest::parse(document, "manifest " + blob.digest.text());
        if (!manifest || !media_type::is_config(manifest->config.media_type)) {
            return; // an artifact: its blobs are just blobs
        }
        const auto text = store_.read_document(manifest->config);
        const auto config =
            text ? ImageConfig::parse(*text, "configuration of " + blob.digest.text())
                 : Result<ImageConfig>(std::unexpected(text.error()));
        if (!config) {
            problem(config.error().message);
            return;
        }
        if (config->diff_ids.size() != manifest->layers.size()) {
            problem(fmt::format("the configuration of {} names {} layers, its manifest {}",
                                blob.digest.text(), config->diff_ids.size(),
                                manifest->layers.size()));
            return;
        }
        for (size_t i = 0; i < manifest->layers.size(); ++i) {
            const Descriptor &layer = manifest->layers[i];
            if (!media_type::is_layer(layer.media_type)) {
                problem(fmt::format("{} has the layer {} of the media type '{:.80}', which no "
                                    "runtime unpacks",
                                    blob.digest.text(), layer.digest.text(), layer.media_type));
                continue;
            }
            const auto at = tasks_.find(layer.digest);
            if (at == tasks_.end()) {
                continue;
            }
            if (at->second.diff_id && *at->second.diff_id != config->diff_ids[i]) {
                problem(fmt::format("the layer {} has two diff IDs", layer.digest.text()));
            }
            at->second.diff_id = config->diff_ids[i];
            at->second.windows = config->platform.os == "windows";
        }
    }

    Result<VerifyReport> check_blobs() {
        std::vector<const Task *> todo;
        for (const auto &[digest, task] : tasks_) {
            todo.push_back(&task);
        }
        // The largest first, so that the threads end together.
        std::ranges::sort(todo,
                          [](const Task *a, const Task *b) { return a->blob.size > b->blob.size; });
        std::atomic<size_t> next = 0;
        const auto work = [&] {
            for (size_t i = next++; i < todo.size() && !watch_.stop(); i = next++) {
                try {
                    check(*todo[i]);
                } catch (const std::bad_alloc &) {
                    problem("out of memory while checking " + todo[i]->blob.digest.text());
                }
            }
        };
        const unsigned wanted = options_.threads > 0
                                    ? options_.threads
                                    : std::max(1U, std::thread::hardware_concurrency());
        std::vector<std::thread> threads;
        for (size_t i = 1; i < std::min<size_t>(wanted, todo.size()); ++i) {
            threads.emplace_back(work);
        }
        work();
        for (auto &thread : threads) {
            thread.join();
        }
        if (watch_.stop()) {
            return stopped();
        }
        std::ranges::sort(report_.problems);
        return std::move(report_);
    }

    void check(const Task &task) {
        auto reader = store_.read(task.blob);
        if (!reader) {
            problem(reader.error().message);
            return;
        }
        uint64_t entries = 0;
        bool unpacked = false;
        if (options_.layers && task.kind == Kind::layer) {
            const auto facts = check_layer(*reader, task.windows, options_.layer_limit, watch_);
            if (!facts) {
                problem(
                    fmt::format("layer {}: {}", task.blob.digest.text(), facts.error().message));
                return;
            }
            if (task.diff_id && facts->diff_id != *task.diff_id) {
                problem(fmt::format("layer {}: its content has the digest {}, its image says {}",
                                    task.blob.digest.text(), facts->diff_id.text(),
                                    task.diff_id->text()));
            }
            if (task.blob.media_type.starts_with(media_type::layer) &&
                task.blob.media_type != layer_type(facts->compression)) {
                problem(fmt::format("layer {}: it is called '{}', but its compression is {}",
                                    task.blob.digest.text(), task.blob.media_type,
                                    name_of(facts->compression)));
            }
            entries = facts->entries;
            unpacked = true;
        } else {
            std::vector<char> buffer(256U << 10U);
            for (;;) {
                const auto got = reader->read(buffer.data(), buffer.size());
                if (!got) {
                    problem(got.error().message);
                    return;
                }
                watch_.done(*got);
                if (*got == 0 || watch_.stop()) {
                    break;
                }
            }
        }
        const std::lock_guard lock(mutex_);
        ++report_.blobs;
        report_.bytes += task.blob.size;
        report_.layers += unpacked ? 1 : 0;
        report_.entries += entries;
    }

    const Store &store_;
    const VerifyOptions &options_;
    const Watch &watch_;
    std::map<Digest, Task> tasks_;
    std::mutex mutex_;
    VerifyReport report_;
};

} // namespace

Result<VerifyReport> verify(const Store &store, const Descriptor &image,
                            const VerifyOptions &options, const Watch &watch) {
    return Verifier(store, options, watch).run(image);
}

} // namespace k2s::image
