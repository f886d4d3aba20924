/* SPDX-License-Identifier: MIT */
/*
 * What an ADD or DEL of bridge with host-local costs at least: one process that sends the messages
 * and reads the answers, writes the files and sysctls, and knows all names, addresses and indexes
 * beforehand but those that the kernel chooses. Nothing is parsed, searched or checked. The
 * messages are libmnl's; to load it takes 0.06 ms, which bridge does not pay.
 *
 *   cni_floor add|del|add-masq|del-masq NETNS BRIDGE ADDRESS FOLDER
 *
 * NETNS is the pod's; the program is started in the host's. FOLDER is for reservations.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define HOST_END "vethfloor0"
#define TABLE "cni_plugins_masquerade" /* bridge has made it */
#define CHAIN "masq_checks"

static char buffer[65536], answer[65536];
static size_t used;
static unsigned sequence;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static struct nlmsghdr *begin(uint16_t type, uint16_t flags) {
    struct nlmsghdr *header = mnl_nlmsg_put_header(buffer + used);
    header->nlmsg_type = type;
    header->nlmsg_flags = NLM_F_REQUEST | flags;
    header->nlmsg_seq = ++sequence;
    return header;
}

static void end(const struct nlmsghdr *header) {
    used += MNL_ALIGN(header->nlmsg_len);
}

static struct mnl_socket *open_socket(int family) {
    struct mnl_socket *socket = mnl_socket_open(family);
    if (socket == NULL || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
        die("netlink");
    }
    const int on = 1; /* a list of one interface's addresses is not one of all */
    mnl_socket_setsockopt(socket, NETLINK_GET_STRICT_CHK, (void *)&on, sizeof(on));
    return socket;
}

/* Sends what is in the buffer and waits for `expected` acknowledgements; the index of a link among
 * the answers. */
static unsigned flush(struct mnl_socket *socket, int expected, const char *what) {
    unsigned index = 0;
    if (mnl_socket_sendto(socket, buffer, used) < 0) {
        die(what);
    }
    used = 0;
    while (expected > 0) {
        int left = (int)mnl_socket_recvfrom(socket, answer, sizeof(answer));
        if (left < 0) {
            die(what);
        }
        for (const struct nlmsghdr *header = (const struct nlmsghdr *)answer;
             mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left)) {
            if (header->nlmsg_type == NLMSG_ERROR) {
                const struct nlmsgerr *error = mnl_nlmsg_get_payload(header);
                if (error->error != 0) {
                    errno = -error->error;
                    die(what);
                }
                --expected;
            } else if (header->nlmsg_type == NLMSG_DONE) {
                --expected;
            } else if (header->nlmsg_type == RTM_NEWLINK) {
                const struct ifinfomsg *link = mnl_nlmsg_get_payload(header);
                index = (unsigned)link->ifi_index;
            }
        }
    }
    return index;
}

static void write_file(int folder, const char *name, int flags, const char *text) {
    const int file = openat(folder, name, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
    if (file < 0 || write(file, text, strlen(text)) < 0 || close(file) != 0) {
        die(name);
    }
}

/* The file named by the address, under the folder's lock: made, or removed. */
static void reserve(const char *path, const char *address, int add) {
    const int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int lock = openat(folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0 || flock(lock, LOCK_EX) != 0) {
        die(path);
    }
    if (add) {
        write_file(folder, address, O_EXCL, "container\r\neth0");
        write_file(folder, "last_reserved_ip.0", 0, address);
    } else if (unlinkat(folder, address, 0) != 0) {
        die(address);
    }
    close(lock);
}

static unsigned link_index(struct mnl_socket *socket, const char *name) {
    struct nlmsghdr *header = begin(RTM_GETLINK, NLM_F_ACK);
    mnl_nlmsg_put_extra_header(header, sizeof(struct ifinfomsg));
    mnl_attr_put_strz(header, IFLA_IFNAME, name);
    mnl_attr_put_u32(header, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    end(header);
    return flush(socket, 1, name);
}

/* Whose it is: DEL finds it by this when the namespace is gone. */
static void put_mark(void) {
    struct nlmsghdr *header = begin(RTM_NEWLINK, NLM_F_ACK);
    mnl_nlmsg_put_extra_header(header, sizeof(struct ifinfomsg));
    mnl_attr_put_strz(header, IFLA_IFNAME, HOST_END);
    mnl_attr_put_strz(header, IFLA_IFALIAS, "k2s-cni floor");
    end(header);
}

static void add_pair(struct mnl_socket *socket, unsigned bridge, int netns) {
    struct nlmsghdr *header = begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
    struct ifinfomsg *link = mnl_nlmsg_put_extra_header(header, sizeof(*link));
    link->ifi_flags = link->ifi_change = IFF_UP;
    mnl_attr_put_strz(header, IFLA_IFNAME, HOST_END);
    mnl_attr_put_u32(header, IFLA_MASTER, bridge);
    struct nlattr *info = mnl_attr_nest_start(header, IFLA_LINKINFO);
    mnl_attr_put_strz(header, IFLA_INFO_KIND, "veth");
    struct nlattr *data = mnl_attr_nest_start(header, IFLA_INFO_DATA);
    struct nlattr *peer = mnl_attr_nest_start(header, VETH_INFO_PEER);
    mnl_nlmsg_put_extra_header(header, sizeof(struct ifinfomsg));
    mnl_attr_put_strz(header, IFLA_IFNAME, "eth0");
    mnl_attr_put_u32(header, IFLA_NET_NS_FD, (uint32_t)netns);
    mnl_attr_nest_end(header, peer);
    mnl_attr_nest_end(header, data);
    mnl_attr_nest_end(header, info);
    end(header);
    put_mark();
    flush(socket, 2, "add the pair");
}

/* Has the bridge its address? */
static void list_addresses(struct mnl_socket *socket, unsigned index) {
    struct nlmsghdr *header = begin(RTM_GETADDR, NLM_F_DUMP);
    struct ifaddrmsg *about = mnl_nlmsg_put_extra_header(header, sizeof(*about));
    about->ifa_index = index;
    end(header);
    flush(socket, 1, "list addresses");
}

static void put_address(unsigned index, uint32_t address) {
    struct nlmsghdr *header = begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
    struct ifaddrmsg *about = mnl_nlmsg_put_extra_header(header, sizeof(*about));
    about->ifa_family = AF_INET;
    about->ifa_prefixlen = 16;
    about->ifa_index = index;
    mnl_attr_put_u32(header, IFA_LOCAL, address);
    mnl_attr_put_u32(header, IFA_ADDRESS, address);
    mnl_attr_put_u32(header, IFA_BROADCAST, address | htonl(0xffff));
    end(header);
}

static void configure(unsigned index, uint32_t address) {
    struct mnl_socket *socket = open_socket(NETLINK_ROUTE);
    put_address(index, address);
    struct nlmsghdr *header = begin(RTM_SETLINK, NLM_F_ACK);
    struct ifinfomsg *link = mnl_nlmsg_put_extra_header(header, sizeof(*link));
    link->ifi_index = (int)index;
    link->ifi_flags = link->ifi_change = IFF_UP;
    end(header);
    header = begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_ACK);
    struct rtmsg *route = mnl_nlmsg_put_extra_header(header, sizeof(*route));
    route->rtm_family = AF_INET;
    route->rtm_table = RT_TABLE_MAIN;
    route->rtm_protocol = RTPROT_BOOT;
    route->rtm_type = RTN_UNICAST;
    mnl_attr_put_u32(header, RTA_OIF, index);
    mnl_attr_put_u32(header, RTA_GATEWAY, (address & htonl(0xffff0000)) | htonl(1));
    end(header);
    flush(socket, 3, "configure the container");
}

/* --- nf_tables: a rule that masquerades what comes from one address --- */

static struct nlmsghdr *nft(uint16_t type, uint16_t flags) {
    struct nlmsghdr *header = begin((uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags);
    struct nfgenmsg *about = mnl_nlmsg_put_extra_header(header, sizeof(*about));
    about->nfgen_family = NFPROTO_INET;
    return header;
}

static void mark(uint16_t type) {
    struct nlmsghdr *header = begin(type, 0);
    struct nfgenmsg *about = mnl_nlmsg_put_extra_header(header, sizeof(*about));
    about->res_id = htons(NFNL_SUBSYS_NFTABLES);
    end(header);
}

static int add_handle(const struct nlattr *attribute, void *data) {
    if (mnl_attr_get_type(attribute) == NFTA_RULE_HANDLE) {
        memcpy(data, mnl_attr_get_payload(attribute), sizeof(uint64_t));
    }
    return MNL_CB_OK;
}

/* The handle of the last rule. */
static uint64_t list_rules(struct mnl_socket *socket, const char *chain) {
    struct nlmsghdr *header = nft(NFT_MSG_GETRULE, NLM_F_DUMP);
    mnl_attr_put_strz(header, NFTA_RULE_TABLE, TABLE);
    mnl_attr_put_strz(header, NFTA_RULE_CHAIN, chain);
    end(header);
    if (mnl_socket_sendto(socket, buffer, used) < 0) {
        die("list");
    }
    used = 0;
    uint64_t handle = 0;
    for (int done = 0; !done;) {
        int left = (int)mnl_socket_recvfrom(socket, answer, sizeof(answer));
        for (const struct nlmsghdr *one = (const struct nlmsghdr *)answer; mnl_nlmsg_ok(one, left);
             one = mnl_nlmsg_next(one, &left)) {
            if (one->nlmsg_type == NLMSG_DONE || one->nlmsg_type == NLMSG_ERROR) {
                done = 1;
            } else {
                mnl_attr_parse(one, sizeof(struct nfgenmsg), add_handle, &handle);
            }
        }
        done = done || left < 0;
    }
    return handle;
}

static void put_expression(struct nlmsghdr *header, const char *name, const uint32_t *numbers,
                           int count, const void *value, size_t size) {
    struct nlattr *element = mnl_attr_nest_start(header, NFTA_LIST_ELEM);
    mnl_attr_put_strz(header, NFTA_EXPR_NAME, name);
    struct nlattr *data = mnl_attr_nest_start(header, NFTA_EXPR_DATA);
    for (int i = 0; i < count; ++i) {
        mnl_attr_put_u32(header, (uint16_t)(i + 1), htonl(numbers[i]));
    }
    if (value != NULL) {
        struct nlattr *nest = mnl_attr_nest_start(header, (uint16_t)(count + 1));
        mnl_attr_put(header, NFTA_DATA_VALUE, size, value);
        mnl_attr_nest_end(header, nest);
    }
    mnl_attr_nest_end(header, data);
    mnl_attr_nest_end(header, element);
}

static void masquerade(uint32_t address) {
    struct mnl_socket *socket = open_socket(NETLINK_NETFILTER);
    list_rules(socket, "postrouting");
    mark(NFNL_MSG_BATCH_BEGIN);
    struct nlmsghdr *header = nft(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK);
    mnl_attr_put_strz(header, NFTA_RULE_TABLE, TABLE);
    mnl_attr_put_strz(header, NFTA_RULE_CHAIN, CHAIN);
    struct nlattr *list = mnl_attr_nest_start(header, NFTA_RULE_EXPRESSIONS);
    const uint32_t load[] = {NFT_REG_1, NFT_PAYLOAD_NETWORK_HEADER, 12, 4};
    const uint32_t family[] = {NFT_META_NFPROTO, NFT_REG_1};
    const uint32_t equal[] = {NFT_REG_1, NFT_CMP_EQ};
    const uint8_t v4 = NFPROTO_IPV4;
    /* meta numbers its attributes DREG 1, KEY 2. */
    const uint32_t meta[] = {family[1], family[0]};
    put_expression(header, "meta", meta, 2, NULL, 0);
    put_expression(header, "cmp", equal, 2, &v4, 1);
    put_expression(header, "payload", load, 4, NULL, 0);
    put_expression(header, "cmp", equal, 2, &address, 4);
    put_expression(header, "masq", NULL, 0, NULL, 0);
    mnl_attr_nest_end(header, list);
    end(header);
    mark(NFNL_MSG_BATCH_END);
    flush(socket, 1, "masquerade");
}

/* As bridge has to: rules are listed to learn their handles. */
static void stop_masquerading(void) {
    struct mnl_socket *socket = open_socket(NETLINK_NETFILTER);
    const uint64_t handle = list_rules(socket, CHAIN);
    mark(NFNL_MSG_BATCH_BEGIN);
    struct nlmsghdr *header = nft(NFT_MSG_DELRULE, NLM_F_ACK);
    mnl_attr_put_strz(header, NFTA_RULE_TABLE, TABLE);
    mnl_attr_put_strz(header, NFTA_RULE_CHAIN, CHAIN);
    mnl_attr_put(header, NFTA_RULE_HANDLE, sizeof(handle), &handle);
    end(header);
    mark(NFNL_MSG_BATCH_END);
    flush(socket, 1, "delete the rule");
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: cni_floor add|del|add-masq|del-masq NETNS BRIDGE ADDRESS FOLDER\n");
        return 2;
    }
    const int add = strncmp(argv[1], "add", 3) == 0, masq = strstr(argv[1], "masq") != NULL;
    const int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    const int there = open(argv[2], O_RDONLY | O_CLOEXEC);
    uint32_t address = 0;
    if (own < 0 || there < 0 || inet_pton(AF_INET, argv[4], &address) != 1) {
        die(argv[2]);
    }
    if (add) {
        reserve(argv[5], argv[4], 1);
        struct mnl_socket *host = open_socket(NETLINK_ROUTE);
        const unsigned bridge = link_index(host, argv[3]);
        add_pair(host, bridge, there);
        write_file(AT_FDCWD, "/proc/sys/net/ipv6/conf/" HOST_END "/accept_ra", 0, "0");
        if (setns(there, CLONE_NEWNET) != 0) {
            die("setns");
        }
        write_file(AT_FDCWD, "/proc/sys/net/ipv6/conf/eth0/accept_dad", 0, "0");
        write_file(AT_FDCWD, "/proc/sys/net/ipv4/conf/eth0/arp_notify", 0, "1");
        struct mnl_socket *inside = open_socket(NETLINK_ROUTE);
        configure(link_index(inside, "eth0"), address);
        if (setns(own, CLONE_NEWNET) != 0) {
            die("setns");
        }
        list_addresses(host, bridge);
        if (masq) {
            masquerade(address);
        }
        link_index(host, HOST_END); /* is it up? */
        link_index(host, argv[3]);  /* its MAC address, now that it has a port */
        return 0;
    }
    if (setns(there, CLONE_NEWNET) != 0) {
        die("setns");
    }
    struct mnl_socket *inside = open_socket(NETLINK_ROUTE);
    struct nlmsghdr *header = begin(RTM_DELLINK, NLM_F_ACK);
    mnl_nlmsg_put_extra_header(header, sizeof(struct ifinfomsg));
    mnl_attr_put_strz(header, IFLA_IFNAME, "eth0");
    end(header);
    flush(inside, 1, "delete the pair");
    reserve(argv[5], argv[4], 0);
    if (masq) {
        if (setns(own, CLONE_NEWNET) != 0) {
            die("setns");
        }
        stop_masquerading();
    }
    return 0;
}
