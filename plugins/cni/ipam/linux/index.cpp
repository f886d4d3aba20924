// SPDX-License-Identifier: MIT
#include "ipam/index.hpp"

#include <bit>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace k2s::cni {
namespace {

constexpr uint64_t k_magic = 0x3178646e4973326bULL; // "k2sIndx1"
constexpr std::size_t k_fewest_slots = 1024;
constexpr std::size_t k_most_slots = 1 << 22;

uint64_t mixed(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

struct Header {
    uint64_t magic, device, inode;
    uint64_t stamp; // 0: stale
    uint64_t slots; // of each table, a power of two
    uint64_t used;
    uint64_t reserved[2];
};

struct Entry {
    uint64_t owner;
    uint8_t size; // of the address; 0: free slot
    uint8_t bytes[16];
    uint8_t reserved[7];

    bool operator==(const Entry &other) const {
        return owner == other.owner && same_address(other);
    }
    bool same_address(const Entry &other) const {
        return size == other.size && std::memcmp(bytes, other.bytes, size) == 0;
    }
    static Entry of(const Address &address, uint64_t owner) {
        Entry entry{owner, static_cast<uint8_t>(address.size()), {}, {}};
        std::memcpy(entry.bytes, address.data(), address.size());
        return entry;
    }
};

enum class Table { by_address, by_owner };

/// Two hash tables with open addressing in a file, one by address, one by owner.
class MappedIndex final : public Index {
  public:
    MappedIndex(int file, const Directory::State &folder) : file_(file), folder_(folder) {}
    ~MappedIndex() override;

    /// Maps what the file has. False: it is no file for an index.
    bool load();

    bool valid_for(const Directory::State &folder) const override;
    bool fill(const std::vector<std::pair<Address, uint64_t>> &entries) override;
    bool has(const Address &address) const override;
    std::vector<Address> of_owner(uint64_t owner) const override;
    void begin() override { header().stamp = 0; }
    bool add(const Address &address, uint64_t owner) override;
    void remove(const Address &address, uint64_t owner) override;
    void finish(uint64_t stamp) override { header().stamp = stamp; }

  private:
    Header &header() const { return *static_cast<Header *>(memory_); }
    Entry *table(Table which) const;
    uint64_t home(Table which, const Entry &entry) const;
    void insert(Table which, const Entry &entry);
    void erase(Table which, const Entry &entry);
    bool map(std::size_t slots);

    int file_ = -1;
    void *memory_ = nullptr;
    std::size_t size_ = 0;
    Directory::State folder_;
};

bool MappedIndex::load() {
    struct stat about{};
    if (fstat(file_, &about) != 0 || !S_ISREG(about.st_mode) || about.st_uid != geteuid()) {
        return false;
    }
    size_ = static_cast<std::size_t>(about.st_size);
    if (size_ > sizeof(Header)) {
        void *memory = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
        memory_ = memory == MAP_FAILED ? nullptr : memory;
    }
    return true;
}

MappedIndex::~MappedIndex() {
    if (memory_ != nullptr) {
        munmap(memory_, size_);
    }
    if (file_ >= 0) {
        close(file_);
    }
}

Entry *MappedIndex::table(Table which) const {
    auto *first = reinterpret_cast<Entry *>(static_cast<char *>(memory_) + sizeof(Header));
    return which == Table::by_address ? first : first + header().slots;
}

bool MappedIndex::valid_for(const Directory::State &folder) const {
    if (memory_ == nullptr || folder.stamp == 0) {
        return false;
    }
    const Header &is = header();
    return is.magic == k_magic && is.stamp == folder.stamp && is.device == folder.device &&
           is.inode == folder.inode && std::has_single_bit(is.slots) && is.slots <= k_most_slots &&
           size_ == sizeof(Header) + 2 * is.slots * sizeof(Entry) && is.used < is.slots;
}

bool MappedIndex::map(std::size_t slots) {
    const std::size_t wanted = sizeof(Header) + 2 * slots * sizeof(Entry);
    if (memory_ != nullptr && size_ == wanted) {
        std::memset(memory_, 0, size_);
        header() = {k_magic, folder_.device, folder_.inode, 0, slots, 0, {}};
        return true;
    }
    if (memory_ != nullptr) {
        munmap(memory_, size_);
        memory_ = nullptr;
    }
    size_ = wanted;
    // Truncating first gives zeroes; allocating keeps a full disk from killing us at a later
    // access.
    if (ftruncate(file_, 0) != 0 || posix_fallocate(file_, 0, static_cast<off_t>(size_)) != 0) {
        return false;
    }
    void *memory = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
    if (memory == MAP_FAILED) {
        return false;
    }
    memory_ = memory;
    header() = {k_magic, folder_.device, folder_.inode, 0, slots, 0, {}};
    return true;
}

bool MappedIndex::fill(const std::vector<std::pair<Address, uint64_t>> &entries) {
    const std::size_t slots = std::max(k_fewest_slots, std::bit_ceil(entries.size() * 2 + 2));
    if (slots > k_most_slots || !map(slots)) {
        return false;
    }
    for (const auto &[address, owner] : entries) {
        add(address, owner);
    }
    return true;
}

uint64_t MappedIndex::home(Table which, const Entry &entry) const {
    uint64_t place = 0;
    if (which == Table::by_owner) {
        place = mixed(entry.owner);
    } else {
        // Neighbouring addresses stay neighbours, so that searching a full range walks through
        // memory.
        uint64_t block = 0;
        for (std::size_t i = 0; i + 2 < entry.size; ++i) {
            block = mixed(block + entry.bytes[i] + 1);
        }
        place = block + (entry.bytes[entry.size - 2] * 256ULL + entry.bytes[entry.size - 1]);
    }
    return place & (header().slots - 1);
}

void MappedIndex::insert(Table which, const Entry &entry) {
    Entry *slots = table(which);
    uint64_t at = home(which, entry);
    while (slots[at].size != 0) {
        at = (at + 1) & (header().slots - 1);
    }
    slots[at] = entry;
}

void MappedIndex::erase(Table which, const Entry &entry) {
    Entry *slots = table(which);
    const uint64_t mask = header().slots - 1;
    uint64_t hole = home(which, entry);
    while (!(slots[hole] == entry)) {
        if (slots[hole].size == 0) {
            return;
        }
        hole = (hole + 1) & mask;
    }
    // What comes behind moves up as long as it does not get before its home.
    for (uint64_t next = (hole + 1) & mask; slots[next].size != 0; next = (next + 1) & mask) {
        const uint64_t own = home(which, slots[next]);
        if (((next - own) & mask) >= ((next - hole) & mask)) {
            slots[hole] = slots[next];
            hole = next;
        }
    }
    slots[hole] = {};
}

bool MappedIndex::has(const Address &address) const {
    const Entry wanted = Entry::of(address, 0);
    const Entry *slots = table(Table::by_address);
    for (uint64_t at = home(Table::by_address, wanted); slots[at].size != 0;
         at = (at + 1) & (header().slots - 1)) {
        if (slots[at].same_address(wanted)) {
            return true;
        }
    }
    return false;
}

std::vector<Address> MappedIndex::of_owner(uint64_t owner) const {
    std::vector<Address> addresses;
    const Entry *slots = table(Table::by_owner);
    for (uint64_t at = home(Table::by_owner, Entry{owner, 1, {}, {}}); slots[at].size != 0;
         at = (at + 1) & (header().slots - 1)) {
        if (slots[at].owner == owner) {
            addresses.push_back(Address::from_bytes(slots[at].bytes, slots[at].size));
        }
    }
    return addresses;
}

bool MappedIndex::add(const Address &address, uint64_t owner) {
    if ((header().used + 1) * 4 > header().slots * 3) {
        return false;
    }
    const Entry entry = Entry::of(address, owner);
    insert(Table::by_address, entry);
    insert(Table::by_owner, entry);
    ++header().used;
    return true;
}

void MappedIndex::remove(const Address &address, uint64_t owner) {
    const Entry entry = Entry::of(address, owner);
    erase(Table::by_address, entry);
    erase(Table::by_owner, entry);
    --header().used;
}

} // namespace

std::unique_ptr<Index> Index::open(const std::string &cache, const Directory::State &folder) {
    if (cache.empty() || folder.stamp == 0) {
        return nullptr;
    }
    const auto path = fmt::format("{}/ipam-{:x}-{}", cache, folder.device, folder.inode);
    constexpr int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
    int file = ::open(path.c_str(), flags, 0600);
    if (file < 0 && errno == ENOENT) {
        for (auto slash = cache.find('/', 1);; slash = cache.find('/', slash + 1)) {
            mkdir(cache.substr(0, slash).c_str(), 0755);
            if (slash == std::string::npos) {
                break;
            }
        }
        file = ::open(path.c_str(), flags, 0600);
    }
    if (file < 0) {
        return nullptr;
    }
    auto index = std::make_unique<MappedIndex>(file, folder);
    return index->load() ? std::move(index) : nullptr;
}

} // namespace k2s::cni
