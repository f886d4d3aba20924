// SPDX-License-Identifier: MIT
#include "registry/transfer.hpp"

#include <deque>
#include <thread>

#include "store/walk.hpp"

namespace k2s::image {
namespace {

constexpr int k_attempts = 6; // without progress

/// The mirrors and the registry itself, in the order in which they are asked.
class Sources {
  public:
    static Result<Sources> open(const Reference &reference, const PullOptions &options,
                                const Watch &watch) {
        Sources sources(watch, options.settings.pause);
        RegistrySettings settings = options.settings;
        settings.credentials.reset(); // a mirror is not the registry that the password is for
        for (const auto &mirror : options.mirrors) {
            auto opened = Registry::open(mirror, reference.path, settings, watch);
            if (!opened) {
                return pass(opened);
            }
            sources.registries_.push_back(std::move(*opened));
        }
        auto opened = Registry::open(Registry::host_of(reference.registry), reference.path,
                                     options.settings, watch);
        if (!opened) {
            return pass(opened);
        }
        sources.registries_.push_back(std::move(*opened));
        return sources;
    }

    Result<Registry::Document> manifest(const std::string &what) {
        return first([&](Registry &registry) { return registry.manifest(what); });
    }

    Done blob(const Store &store, const Descriptor &blob) {
        auto writer = store.resume(blob);
        if (!writer) {
            return pass(writer);
        }
        watch_->done(writer->size());
        const auto done =
            first([&](Registry &registry) { return download(registry, blob, *writer); });
        if (!done) {
            return done;
        }
        if (auto digest = writer->commit(&blob); !digest) {
            return pass(digest);
        }
        return {};
    }

  private:
    Sources(const Watch &watch, std::chrono::milliseconds pause) : watch_(&watch), pause_(pause) {}

    /// The first source that does it. A mirror that does not is not asked again; the registry,
    /// which is the last, has the last word.
    template <class Ask> auto first(const Ask &ask) -> decltype(ask(std::declval<Registry &>())) {
        for (;;) {
            auto answer = ask(registries_.front());
            if (answer || registries_.size() == 1 || answer.error().code == K2S_E_CANCELLED) {
                return answer;
            }
            registries_.pop_front();
        }
    }

    Done download(Registry &registry, const Descriptor &blob, BlobWriter &writer) {
        for (int attempt = 0;;) {
            const uint64_t before = writer.size();
            if (before == blob.size) {
                return {};
            }
            auto done = registry.get_blob(
                blob, before, [&] { return writer.restart(); },
                [&](std::string_view piece) -> Done {
                    if (watch_->stop()) {
                        return stopped();
                    }
                    watch_->done(piece.size());
                    return writer.write(piece.data(), piece.size());
                });
            if (done && writer.size() == blob.size) {
                return {};
            }
            const bool passes =
                done || done.error().code == K2S_E_IO || done.error().code == K2S_E_TIMEOUT;
            attempt = writer.size() > before ? 0 : attempt + 1;
            if (!passes || attempt == k_attempts) {
                return done ? fail(K2S_E_FAILED, "{} does not send {}", registry.origin(),
                                   blob.digest.text())
                            : done;
            }
            std::this_thread::sleep_for(pause_ * (1 << attempt));
        }
    }

    const Watch *watch_;
    std::chrono::milliseconds pause_;
    std::deque<Registry> registries_;
};

} // namespace

Result<Descriptor> pull_image(const Store &store, const Reference &reference,
                              const PullOptions &options, const Watch &watch) {
    auto sources = Sources::open(reference, options, watch);
    if (!sources) {
        return pass(sources);
    }
    auto top = sources->manifest(reference.digest ? reference.digest->text() : reference.tag);
    if (!top) {
        return pass(top);
    }
    // Documents come from the store when it has them, else from the registry by their digest.
    const ReadDocument read = [&](const Descriptor &blob) -> Result<std::string> {
        if (blob.digest == top->descriptor.digest) {
            return top->text;
        }
        if (store.has(blob)) {
            if (auto kept = store.read_document(blob); kept) {
                return kept;
            }
        }
        auto fetched = sources->manifest(blob.digest.text());
        if (!fetched) {
            return pass(fetched);
        }
        if (fetched->text.size() != blob.size) {
            return fail(K2S_E_FAILED, "the document {} has {} bytes instead of {}",
                        blob.digest.text(), fetched->text.size(), blob.size);
        }
        return std::move(fetched->text);
    };
    Descriptor image = top->descriptor;
    if (options.platform) {
        auto chosen = pick(read, image, *options.platform);
        if (!chosen) {
            return chosen;
        }
        image = std::move(*chosen);
    }
    const auto fetched =
        walk(read, image, [&](const Descriptor &blob, Kind, const std::string &document) -> Done {
            const auto intact = store.intact(blob, watch);
            if (!intact) {
                return std::unexpected(intact.error());
            }
            if (*intact) {
                watch.done(blob.size);
                return {};
            }
            if (!document.empty()) {
                auto put = store.put(document, blob.media_type);
                return put ? Done() : pass(put);
            }
            return sources->blob(store, blob);
        });
    if (!fetched) {
        return std::unexpected(fetched.error());
    }
    return image;
}

Done push_image(const Store &store, const Descriptor &image, const Reference &target,
                const RegistrySettings &settings, const Watch &watch) {
    auto opened = Registry::open(Registry::host_of(target.registry), target.path, settings, watch);
    if (!opened) {
        return pass(opened);
    }
    Registry registry = std::move(*opened);
    registry.for_writing();
    const auto send = [&](const Descriptor &blob, Kind, const std::string &document) -> Done {
        if (document.empty()) {
            const auto there = registry.has_blob(blob.digest);
            if (!there) {
                return std::unexpected(there.error());
            }
            if (*there) {
                watch.done(blob.size);
                return {};
            }
            auto file = File::open(store.blob_path(blob.digest));
            if (!file) {
                return pass(file);
            }
            // The registry checks the digest, so a damaged blob does not get there.
            return registry.put_blob(blob, [&](uint64_t at, size_t most) -> Result<std::string> {
                std::string bytes(most, '\0');
                if (auto moved = file->seek(at); !moved) {
                    return pass(moved);
                }
                const auto got = file->read(bytes.data(), most);
                if (!got) {
                    return std::unexpected(got.error());
                }
                if (*got != most) {
                    return fail(K2S_E_FAILED,
                                "the blob {} is shorter than its {} bytes: it is damaged",
                                blob.digest.text(), blob.size);
                }
                return bytes;
            });
        }
        return registry.put_manifest(
            blob.digest == image.digest && !target.tag.empty() ? target.tag : blob.digest.text(),
            document, blob);
    };
    return walk(documents_of(store), image, send);
}

} // namespace k2s::image
