/* SPDX-License-Identifier: Apache-2.0 */
/* From words to values. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/plan.h"
#include "devices/virtio_blk.h"
#include "vmm/conf.h"
#include "vmm/options.h"

/* Decimal digits at *s; moves *s behind them. */
static int digits(const char **s, uint64_t *out)
{
	uint64_t v = 0;

	if (**s < '0' || **s > '9')
		return -EINVAL;
	for (; **s >= '0' && **s <= '9'; (*s)++) {
		if (__builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(**s - '0'), &v))
			return -ERANGE;
	}
	*out = v;
	return 0;
}

/* The shift that a unit means, or -EINVAL: "", b, k, kb, kib, m, ... */
static int unit_shift(const char *s)
{
	static const char letters[] = "kmgt";
	const char *at;

	if (s[0] == '\0' || strcasecmp(s, "b") == 0)
		return 0;
	at = strchr(letters, s[0] | 0x20);
	s++;
	if (!at || (*s && strcasecmp(s, "b") != 0 && strcasecmp(s, "ib") != 0))
		return -EINVAL;
	return 10 * (int)(at - letters + 1);
}

int option_size(const char *s, uint64_t *out)
{
	const char *unit = s + strspn(s, "0123456789");
	int shift = unit_shift(unit);
	uint64_t v;
	int ret;

	if (shift < 0)
		return shift;
	ret = digits(&s, &v);
	if (ret)
		return ret;
	if (v == 0)
		return -EINVAL;
	if (v > UINT64_MAX >> shift)
		return -ERANGE;
	*out = v << shift;
	return 0;
}

int option_number(const char *s, unsigned int *out)
{
	uint64_t v;
	int ret;

	if (s[0] == '\0' || s[strspn(s, "0123456789")])
		return -EINVAL;
	ret = digits(&s, &v);
	if (ret)
		return ret;
	if (v > UINT32_MAX)
		return -ERANGE;
	*out = (unsigned int)v;
	return 0;
}

int option_status(const char *s, unsigned int *out)
{
	uint64_t v, more = 0;
	int ret = digits(&s, &v);

	if (ret == 0 && *s == '+') {
		s++;
		ret = digits(&s, &more);
	}
	if (ret)
		return ret;
	if (*s)
		return -EINVAL;
	if (v > 255 || more > 255 || v + more > 255)
		return -ERANGE;
	*out = (unsigned int)(v + more);
	return 0;
}

/* Those that x86_64 and aarch64 have lie between 32K and 1G (16G: not ours). */
int option_hugepages(const char *s, uint64_t *out)
{
	uint64_t v;
	int ret;

	if (strcasecmp(s, "no") == 0 || strcasecmp(s, "off") == 0) {
		*out = 0;
		return 0;
	}
	ret = option_size(s, &v);
	if (ret)
		return ret;
	if ((v & (v - 1)) != 0 || v < 32u << 10 || v > 1u << 30)
		return -EINVAL;
	*out = v;
	return 0;
}

/* Up to three digits behind the point: milliseconds. */
int option_seconds(const char *s, uint64_t *ms)
{
	static const unsigned int unit[] = {1000, 100, 10, 1};
	uint64_t v, fraction = 0;
	int ret = digits(&s, &v);

	if (ret)
		return ret;
	if (*s == '.') {
		const char *from = ++s;

		if (digits(&s, &fraction) || s - from > 3)
			return -EINVAL;
		fraction *= unit[s - from];
	}
	if (*s)
		return -EINVAL;
	if (v > UINT32_MAX)
		return -ERANGE;
	*ms = v * 1000 + fraction;
	return 0;
}

static int word_index(const char *s, const char *const *words, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		if (strcasecmp(s, words[i]) == 0)
			return (int)i;
	}
	return -EINVAL;
}

int option_bool(const char *s, bool *out)
{
	static const char *const words[] = {"no",  "yes", "false", "true",
					    "off", "on",  "0",	   "1"};
	int i = word_index(s, words, 8);

	if (i < 0)
		return i;
	*out = i % 2 == 1;
	return 0;
}

int option_msix(const char *s, enum msix_policy *out)
{
	static const char *const words[] = {
		[MSIX_AUTO] = "auto",
		[MSIX_INPLACE] = "inplace",
		[MSIX_RELOCATE] = "relocate",
	};
	int i = word_index(s, words, 3);

	if (i < 0)
		return i;
	*out = (enum msix_policy)i;
	return 0;
}

int option_on_error(const char *s, enum conf_on_error *out)
{
	static const char *const words[] = {
		[ON_ERROR_STOP] = "stop",
		[ON_ERROR_IGNORE] = "ignore",
	};
	int i = word_index(s, words, 2);

	if (i < 0)
		return i;
	*out = (enum conf_on_error)i;
	return 0;
}

int option_on_reboot(const char *s, enum conf_on_reboot *out)
{
	static const char *const words[] = {
		[REBOOT_EXIT] = "exit",
		[REBOOT_RESTART] = "restart",
	};
	int i = word_index(s, words, 2);

	if (i < 0)
		return i;
	*out = (enum conf_on_reboot)i;
	return 0;
}

int option_balloon(const char *s, struct conf_balloon *out)
{
	struct conf_balloon b = {.wanted = true};
	int ret = 0;

	if (strcasecmp(s, "no") == 0 || strcasecmp(s, "off") == 0)
		b.wanted = false;
	else if (strcmp(s, "0") != 0)
		ret = option_size(s, &b.size);
	if (ret == 0)
		*out = b;
	return ret;
}

int option_watchdog(const char *s, enum conf_watchdog *out)
{
	static const char *const words[] = {
		[WATCHDOG_OFF] = "off",
		[WATCHDOG_RESET] = "reset",
		[WATCHDOG_FAIL] = "fail",
	};
	int i = word_index(s, words, 3);

	if (i < 0)
		return i;
	*out = (enum conf_watchdog)i;
	return 0;
}

int option_backend(const char *s, enum vfio_backend *out)
{
	static const char *const words[] = {
		[VFIO_BACKEND_AUTO] = "auto",
		[VFIO_BACKEND_TYPE1] = "type1",
		[VFIO_BACKEND_IOMMUFD] = "iommufd",
	};
	int i = word_index(s, words, 3);

	if (i < 0)
		return i;
	*out = (enum vfio_backend)i;
	return 0;
}

int option_ready(const char *s, enum conf_ready *out)
{
	static const char *const words[] = {
		[READY_START] = "start",
		[READY_GUEST] = "guest",
	};
	int i = word_index(s, words, 2);

	if (i < 0)
		return i;
	*out = (enum conf_ready)i;
	return 0;
}

int option_p2p(const char *s, enum vfio_p2p *out)
{
	static const char *const words[] = {
		[VFIO_P2P_AUTO] = "auto",
		[VFIO_P2P_ON] = "on",
		[VFIO_P2P_OFF] = "off",
	};
	int i = word_index(s, words, 3);

	if (i < 0)
		return i;
	*out = (enum vfio_p2p)i;
	return 0;
}

int option_kernel_format(const char *s, enum conf_kernel_format *out)
{
	static const char *const words[] = {
		[KERNEL_FORMAT_AUTO] = "auto",
		[KERNEL_FORMAT_FLAT] = "flat",
	};
	int i = word_index(s, words, 2);

	if (i < 0)
		return i;
	*out = (enum conf_kernel_format)i;
	return 0;
}

int option_disk_io(const char *s, enum conf_disk_io *out)
{
	static const char *const words[] = {
		[DISK_IO_AUTO] = "auto",
		[DISK_IO_URING] = "uring",
		[DISK_IO_THREADS] = "threads",
	};
	int i = word_index(s, words, 3);

	if (i < 0)
		return i;
	*out = (enum conf_disk_io)i;
	return 0;
}

int option_disk_format(const char *s, bool *raw)
{
	if (strcasecmp(s, "raw") != 0)
		return -EINVAL;
	*raw = true;
	return 0;
}

int option_block_size(const char *s, unsigned int *out)
{
	unsigned int v;

	if (option_number(s, &v) < 0 || (v != 512 && v != 4096))
		return -EINVAL;
	*out = v;
	return 0;
}

int option_disk_queues(const char *s, unsigned int *out)
{
	unsigned int v;

	if (option_number(s, &v) < 0 || v < 1 || v > VIRTIO_BLK_QUEUES_MAX)
		return -EINVAL;
	*out = v;
	return 0;
}

/* PLAN_CPU_* of the @len bytes at @s; 0: not one. */
static unsigned int cpu_part(const char *s, size_t len)
{
	static const struct {
		const char *word;
		unsigned int part;
	} parts[] = {
		{"pmu", PLAN_CPU_PMU},
		{"sve", PLAN_CPU_SVE},
		{"pauth", PLAN_CPU_PAUTH},
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (strlen(parts[i].word) == len &&
		    strncasecmp(s, parts[i].word, len) == 0)
			return parts[i].part;
	}
	return 0;
}

int option_cpu_off(const char *s, unsigned int *out)
{
	unsigned int off = 0;

	if (strcasecmp(s, "none") == 0) {
		*out = 0;
		return 0;
	}
	for (;; s++) {
		size_t len = strcspn(s, ",");
		unsigned int part = cpu_part(s, len);

		if (!part)
			return -EINVAL;
		off |= part;
		s += len;
		if (*s == '\0')
			break;
	}
	*out = off;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* @min to @max hex digits, then @end; moves *s behind that. */
static int hex_field(const char **s, int min, int max, char end,
		     unsigned int *out)
{
	unsigned int v = 0;
	int n = 0;

	for (; n < max && hex_digit(**s) >= 0; n++, (*s)++)
		v = v << 4 | (unsigned int)hex_digit(**s);
	if (n < min || **s != end)
		return -EINVAL;
	if (end)
		(*s)++;
	*out = v;
	return 0;
}

int option_vhost(const char *s, enum conf_vhost *out)
{
	static const char *const words[] = {
		[VHOST_AUTO] = "auto",
		[VHOST_ON] = "on",
		[VHOST_OFF] = "off",
	};
	int i = word_index(s, words, 3);

	if (i < 0)
		return i;
	*out = (enum conf_vhost)i;
	return 0;
}

/* IEEE 802: the lowest bit of the first byte means a group. */
int option_mac(const char *s, uint8_t out[6])
{
	static const uint8_t none[6];
	unsigned int byte;
	uint8_t mac[6];

	for (unsigned int i = 0; i < 6; i++) {
		if (hex_field(&s, 2, 2, i < 5 ? ':' : '\0', &byte))
			return -EINVAL;
		mac[i] = (uint8_t)byte;
	}
	if (mac[0] & 1 || memcmp(mac, none, sizeof(mac)) == 0)
		return -EINVAL;
	memcpy(out, mac, sizeof(mac));
	return 0;
}

int option_address(const char *s, char out[OPTION_ADDRESS_SIZE])
{
	unsigned int domain = 0, bus, device, function;
	const char *colon = strchr(s, ':');

	if (!colon)
		return -EINVAL;
	/*
	 * sysfs prints a domain with at least four digits; those the kernel
	 * makes up, for NVMe behind Intel VMD say, start at 10000.
	 */
	if (strchr(colon + 1, ':') && hex_field(&s, 4, 6, ':', &domain))
		return -EINVAL;
	if (hex_field(&s, 2, 2, ':', &bus) ||
	    hex_field(&s, 2, 2, '.', &device) ||
	    hex_field(&s, 1, 1, '\0', &function))
		return -EINVAL;
	if (device > 0x1f || function > 7)
		return -EINVAL;
	snprintf(out, OPTION_ADDRESS_SIZE, "%04x:%02x:%02x.%x",
		 domain & 0xffffff, bus & 0xff, device & 0x1f, function & 7);
	return 0;
}

int option_cid(const char *s, char out[OPTION_CID_SIZE])
{
	unsigned int cid;
	int ret;

	if (strcasecmp(s, "auto") == 0) {
		memcpy(out, "auto", sizeof("auto"));
		return 0;
	}
	ret = option_number(s, &cid);
	if (ret)
		return ret;
	/* 0 to 2 and the last one mean something else (vsock(7)). */
	if (cid < 3 || cid == UINT32_MAX)
		return -EINVAL;
	snprintf(out, OPTION_CID_SIZE, "%u", cid);
	return 0;
}
