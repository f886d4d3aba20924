// SPDX-License-Identifier: MIT
// Fuzz target of archives: an input is read as a layer, then imported as an archive of images
// (OCI or Docker). Checksums of tar headers are made right first, else hardly a mutation would get
// past them.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

#include <boost/filesystem/operations.hpp>

#include "base/file.hpp"
#include "layer/layer_check.hpp"
#include "require.hpp"
#include "store/verify.hpp"
#include "transfer/import.hpp"

using namespace k2s::image;

namespace {

constexpr uint64_t k_limit = 1U << 20U;

class Bytes final : public Source {
  public:
    explicit Bytes(std::string_view bytes) : rest_(bytes) {}
    Result<size_t> read(void *into, size_t size) override {
        const size_t now = std::min(size, rest_.size());
        std::memcpy(into, rest_.data(), now);
        rest_.remove_prefix(now);
        return now;
    }

  private:
    std::string_view rest_;
};

std::string with_checksums(std::string bytes) {
    for (size_t at = 0; at + 512 <= bytes.size(); at += 512) {
        char *const block = bytes.data() + at;
        if (std::memcmp(block + 257, "ustar", 5) == 0) {
            std::memset(block + 148, ' ', 8);
            unsigned sum = 0;
            for (size_t i = 0; i < 512; ++i) {
                sum += static_cast<unsigned char>(block[i]);
            }
            std::snprintf(block + 148, 7, "%06o", sum);
        }
    }
    return bytes;
}

/// A store and a file for the archive, gone with the process. What one input has left in the store
/// is there for the next: flushing all of it anew would take most of the time.
struct Place {
    fs::path folder = fs::temp_directory_path() / fs::unique_path("k2s-fuzz-%%%%%%%%%%%%");
    std::string archive = from_path(folder / "archive");
    Result<Store> store = Store::open(from_path(folder / "store"), Access::write);

    Place() { require(store.has_value()); }
    ~Place() {
        boost::system::error_code ignored;
        fs::remove_all(folder, ignored);
    }

    void import(std::string_view bytes) const {
        fs::remove(to_path(archive));
        {
            auto file = File::create(archive);
            require(file && file->write(bytes.data(), bytes.size()));
        }
        const auto images = import_images(*store, archive, {});
        require(images || !images.error().message.empty());
        require(fs::is_empty(folder / "store" / ".k2s" / "ingest"));
        for (size_t i = 0; images && i < images->size(); ++i) {
            // What was taken is complete, and each blob is what its name says.
            VerifyOptions options;
            options.layers = false;
            options.threads = 1;
            const auto report = verify(*store, (*images)[i].image, options, {});
            require(report.has_value());
            for (const auto &problem : report->problems) {
                require(!problem.contains("is damaged") && !problem.contains("cannot be read"));
            }
        }
    }
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const Place place;
    const std::string bytes = with_checksums({reinterpret_cast<const char *>(data), size});
    for (const bool windows : {false, true}) {
        Bytes source(bytes);
        const auto facts = check_layer(source, windows, k_limit, {});
        require(facts || !facts.error().message.empty());
        require(!facts || facts->bytes <= facts->entries * k_limit);
    }
    place.import(bytes);
    return 0;
}
