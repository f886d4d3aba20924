// SPDX-License-Identifier: MIT
#include "hcn/service.hpp"

#include <algorithm>
#include <cwchar>
#include <utility>

#include <objbase.h>

#include <k2s/sdk/windows_path.hpp>

#include "hcn/watched.hpp"

namespace k2s::cni::hcn {
namespace {

constexpr std::size_t k_longest_answer = 8 << 20; // characters
constexpr std::size_t k_most_objects = 4096;

constexpr auto k_network_not_found = static_cast<HRESULT>(0x803b0001);
constexpr auto k_endpoint_not_found = static_cast<HRESULT>(0x803b0002);
constexpr auto k_not_found = static_cast<HRESULT>(0x80070490);
constexpr auto k_exists = static_cast<HRESULT>(0x803b0010);

struct Meaning {
    HRESULT code;
    unsigned failure;
    const char *text;
};
constexpr Meaning k_meanings[]{
    {k_network_not_found, k_internal, "there is no such network"},
    {k_endpoint_not_found, k_internal, "there is no such endpoint"},
    {k_not_found, k_internal, "there is no such object"},
    {k_exists, k_internal, "a network of this name exists"},
    {static_cast<HRESULT>(0x803b002f), k_internal, "the address is invalid or reserved"},
    {static_cast<HRESULT>(0x803b0020), k_try_later, "the Host Network Service is stopping"},
    {static_cast<HRESULT>(0x800706ba), k_try_later, "the Host Network Service is not running"},
    {static_cast<HRESULT>(0x800706be), k_try_later, "the Host Network Service went away"},
    {E_ACCESSDENIED, k_internal, "access is denied; run it as an administrator"},
};

/// A text that the service allocated.
class Answer {
  public:
    Answer() = default;
    Answer(const Answer &) = delete;
    Answer &operator=(const Answer &) = delete;
    ~Answer() { CoTaskMemFree(text_); }

    PWSTR *out() { return &text_; }
    std::string text() const {
        if (text_ == nullptr) {
            return {};
        }
        const auto size = static_cast<int>(wcsnlen(text_, k_longest_answer));
        std::string utf8(static_cast<std::size_t>(size) * 3, '\0');
        utf8.resize(static_cast<std::size_t>(
            WideCharToMultiByte(CP_UTF8, 0, text_, size, utf8.data(), static_cast<int>(utf8.size()),
                                nullptr, nullptr)));
        return utf8;
    }

  private:
    PWSTR text_ = nullptr;
};

/// An HRESULT that is no success, and what is to be said of it.
struct Refused {
    HRESULT code;
    Failure failure;
};
using Called = std::expected<void, Refused>;

bool is_gone(const Refused &refused) {
    return refused.code == k_network_not_found || refused.code == k_endpoint_not_found ||
           refused.code == k_not_found;
}

std::unexpected<Failure> refuse(Refused &refused) {
    return std::unexpected(std::move(refused.failure));
}

/// One call: body(error record) returns its HRESULT. A record counts as a failure even beside a
/// success, as in Microsoft's own client.
template <class Body> Called call(Progress &progress, const std::string &name, Body &&body) {
    progress.enter(name);
    Answer record;
    const HRESULT code = body(record.out());
    const std::string said = record.text();
    if (SUCCEEDED(code) && said.empty()) {
        return {};
    }
    const auto *meaning = std::ranges::find(k_meanings, code, &Meaning::code);
    Failure failure{k_internal,
                    fmt::format("{} failed: 0x{:08x}", name, static_cast<uint32_t>(code)), said};
    if (meaning != std::end(k_meanings)) {
        failure.code = meaning->failure;
        failure.message += fmt::format(", {}", meaning->text);
    }
    const Json json = Json::parse(said, nullptr, false);
    if (const std::string why = text_in(json, "Error"); !why.empty()) {
        failure.message += fmt::format(": {}", why);
    }
    return std::unexpected(Refused{code, std::move(failure)});
}

Result<Json> parse(const std::string &text, const std::string &call) {
    Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded()) {
        return fail(k_internal, "{} answered with something that is no JSON: {}", call,
                    text.substr(0, 80));
    }
    return json;
}

/// An object that is open.
class Opened {
  public:
    Opened(const Kind &kind, void *object) : kind_(kind), object_(object) {}
    Opened(Opened &&other) noexcept
        : kind_(other.kind_), object_(std::exchange(other.object_, nullptr)) {}
    Opened &operator=(Opened &&) = delete;
    ~Opened() {
        if (object_ != nullptr) {
            kind_.close(object_);
        }
    }

    void *get() const { return object_; }

    Result<Json> properties(Progress &progress) const {
        const auto name = fmt::format("HcnQuery{}Properties", kind_.name);
        Answer answer;
        auto asked = call(progress, name, [&](PWSTR *error) {
            return kind_.query(object_, LR"({"SchemaVersion":{"Major":2,"Minor":0}})", answer.out(),
                               error);
        });
        if (!asked) {
            return refuse(asked.error());
        }
        auto json = parse(answer.text(), name);
        if (json && !id_of(*json)) {
            return fail(k_internal, "{} answered without an ID", name);
        }
        return json;
    }

  private:
    const Kind &kind_;
    void *object_;
};

/// What body(object, error record) opens or makes.
template <class Body>
std::expected<Opened, Refused> opened_by(Progress &progress, const Kind &kind,
                                         const std::string &name, Body &&body) {
    void *object = nullptr;
    auto done = call(progress, name, [&](PWSTR *error) { return body(&object, error); });
    if (done && object == nullptr) {
        done = std::unexpected(
            Refused{E_POINTER, {k_internal, name + " succeeded, but gave no handle", {}}});
    }
    return done ? std::expected<Opened, Refused>(Opened(kind, object))
                : std::unexpected(std::move(done.error()));
}

std::expected<Opened, Refused> open_object(Progress &progress, const Kind &kind, const GUID &id) {
    return opened_by(progress, kind, fmt::format("HcnOpen{}", kind.name),
                     [&](void **object, PWSTR *error) { return kind.open(id, object, error); });
}

bool matches(const Json &properties, const Json &filter) {
    for (const auto &wanted : filter.items()) {
        const auto is = text_in(properties, wanted.key().c_str());
        const auto id = parse_guid(is);
        if (is != wanted.value() &&
            (!id || !wanted.value().is_string() ||
             id != parse_guid(wanted.value().get_ref<const std::string &>()))) {
            return false;
        }
    }
    return true;
}

Result<std::vector<Json>> list_objects(Progress &progress, const Kind &kind, const Json &filter) {
    const auto name = fmt::format("HcnEnumerate{}s", kind.name);
    const Json query{{"SchemaVersion", {{"Major", 2}, {"Minor", 0}}}, {"Filter", filter.dump()}};
    const auto wide = detail::widen(query.dump());
    Answer answer;
    auto asked = call(progress, name, [&](PWSTR *error) {
        return kind.enumerate(wide.c_str(), answer.out(), error);
    });
    if (!asked) {
        // Some versions say so in place of an empty list.
        return is_gone(asked.error()) ? Result<std::vector<Json>>({}) : refuse(asked.error());
    }
    auto ids = parse(answer.text(), name);
    if (!ids) {
        return pass(ids);
    }
    if (!ids->is_array() || ids->size() > k_most_objects) {
        return fail(k_internal, "{} answered with something that is no list of ids", name);
    }
    std::vector<Json> found;
    for (const auto &item : *ids) {
        const auto id =
            item.is_string() ? parse_guid(item.get_ref<const std::string &>()) : std::nullopt;
        if (!id) {
            return fail(k_internal, "{} answered with something that is no list of ids", name);
        }
        auto object = open_object(progress, kind, *id);
        if (!object) {
            if (is_gone(object.error())) {
                continue; // deleted meanwhile
            }
            return refuse(object.error());
        }
        auto properties = object->properties(progress);
        if (!properties) {
            return pass(properties);
        }
        // In case that the service filters less than it was asked to.
        if (matches(*properties, filter)) {
            found.push_back(std::move(*properties));
        }
    }
    return found;
}

} // namespace

std::string text_in(const Json &object, const char *name) {
    const auto found = object.is_object() ? object.find(name) : object.end();
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<GUID> id_of(const Json &properties) {
    return parse_guid(text_in(properties, "ID"));
}

Result<Service> Service::open(const Options &options) {
    auto library = Library::load(options.library_folder);
    return library ? Result<Service>(Service(*library, options.deadline)) : pass(library);
}

const Kind &Service::of(Kinds kind) const {
    return kind == Kinds::network    ? library_.network
           : kind == Kinds::endpoint ? library_.endpoint
                                     : library_.name_space;
}

Result<std::vector<Json>> Service::list(Kinds kind, const Json &filter) const {
    return watched(deadline_, [kind = of(kind), filter](Progress &progress) {
        return list_objects(progress, kind, filter);
    });
}

Result<std::optional<Json>> Service::find(Kinds kind, const std::string &name) const {
    auto found = list(kind, Json{{"Name", name}});
    if (!found) {
        return pass(found);
    }
    return found->empty() ? std::nullopt : std::optional(std::move(found->front()));
}

Result<std::optional<Json>> Service::create_network(const GUID &id, const Json &settings) const {
    return watched(
        deadline_,
        [library = library_, id,
         text = settings.dump()](Progress &progress) -> Result<std::optional<Json>> {
            auto made = opened_by(
                progress, library.network, "HcnCreateNetwork", [&](void **object, PWSTR *error) {
                    return library.create_network(id, detail::widen(text).c_str(), object, error);
                });
            if (!made) {
                return made.error().code == k_exists ? Result<std::optional<Json>>(std::nullopt)
                                                     : refuse(made.error());
            }
            auto properties = made->properties(progress);
            return properties ? Result<std::optional<Json>>(std::move(*properties))
                              : pass(properties);
        });
}

Result<Json> Service::create_endpoint(const GUID &network, const GUID &id,
                                      const Json &settings) const {
    return watched(deadline_,
                   [library = library_, network, id,
                    text = settings.dump()](Progress &progress) -> Result<Json> {
                       auto place = open_object(progress, library.network, network);
                       if (!place) {
                           return refuse(place.error());
                       }
                       auto made = opened_by(progress, library.endpoint, "HcnCreateEndpoint",
                                             [&](void **object, PWSTR *error) {
                                                 return library.create_endpoint(
                                                     place->get(), id, detail::widen(text).c_str(),
                                                     object, error);
                                             });
                       return made ? made->properties(progress) : refuse(made.error());
                   });
}

Result<bool> Service::exists(Kinds kind, const GUID &id) const {
    return watched(deadline_, [kind = of(kind), id](Progress &progress) -> Result<bool> {
        auto opened = open_object(progress, kind, id);
        return opened                    ? Result<bool>(true)
               : is_gone(opened.error()) ? Result<bool>(false)
                                         : refuse(opened.error());
    });
}

Result<bool> Service::modify(Kinds kind, const GUID &id, const Json &request) const {
    return watched(
        deadline_,
        [kind = of(kind), id, text = request.dump()](Progress &progress) -> Result<bool> {
            auto opened = open_object(progress, kind, id);
            if (!opened) {
                return is_gone(opened.error()) ? Result<bool>(false) : refuse(opened.error());
            }
            auto done = call(progress, fmt::format("HcnModify{}", kind.name), [&](PWSTR *error) {
                return kind.modify(opened->get(), detail::widen(text).c_str(), error);
            });
            return done                    ? Result<bool>(true)
                   : is_gone(done.error()) ? Result<bool>(false)
                                           : refuse(done.error());
        });
}

Result<bool> Service::remove(Kinds kind, const GUID &id) const {
    return watched(deadline_, [kind = of(kind), id](Progress &progress) -> Result<bool> {
        auto done = call(progress, fmt::format("HcnDelete{}", kind.name),
                         [&](PWSTR *error) { return kind.remove(id, error); });
        return done                    ? Result<bool>(true)
               : is_gone(done.error()) ? Result<bool>(false)
                                       : refuse(done.error());
    });
}

Result<Version> Service::version() const {
    if (library_.hns_call == nullptr) {
        return fail(k_internal, "vmcompute.dll has no HNSCall, so the version of the Host Network "
                                "Service is not known");
    }
    return watched(deadline_, [ask = library_.hns_call](Progress &progress) -> Result<Version> {
        Answer answer;
        auto asked = call(progress, "HNSCall", [&](PWSTR *) {
            return ask(L"GET", L"/globals/version", L"", answer.out());
        });
        if (!asked) {
            return refuse(asked.error());
        }
        auto json = parse(answer.text(), "HNSCall");
        if (!json) {
            return pass(json);
        }
        const auto number = [&](const char *name) -> int64_t {
            const Json *value = member(*json, "Output");
            value = value != nullptr ? member(*value, name) : nullptr;
            return value != nullptr && value->is_number_integer() ? value->get<int64_t>() : -1;
        };
        const Version version{number("Major"), number("Minor")};
        return version.major >= 0 && version.minor >= 0
                   ? Result<Version>(version)
                   : fail(k_internal, "HNSCall answered without a version");
    });
}

} // namespace k2s::cni::hcn
