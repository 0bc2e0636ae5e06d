/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "arch-x86_64/acpi.h"
#include "arch-x86_64/layout.h"
#include "tests/unit/fake_x86_image.h"

#define GPA 0xe0000

static uint8_t buf[ACPI_SIZE];
static struct plan plan;

static int setup(void **state)
{
	(void)state;
	memset(buf, 0xcc, sizeof(buf));
	plan = (struct plan){
		.cpus = 3,
		.ecam = {ECAM_BASE, ECAM_SIZE},
		.mem32 = {0x90000000, 0x20000000},
		.mem64 = {0x180000000, 0x4000000000},
		.io = {0xc000, 0x1000},
	};
	return 0;
}

static int build(void)
{
	return acpi_build(&plan, GPA, buf, sizeof(buf));
}

static uint8_t sum(const uint8_t *p, size_t len)
{
	uint8_t s = 0;

	while (len--)
		s = (uint8_t)(s + *p++);
	return s;
}

static uint8_t *at(uint64_t gpa)
{
	assert_in_range(gpa, GPA, GPA + sizeof(buf) - 36);
	return buf + (gpa - GPA);
}

static uint32_t table_len(const uint8_t *t)
{
	return (uint32_t)fake_get(t + 4, 4);
}

static uint8_t *xsdt(void)
{
	return at(fake_get(buf + 24, 8));
}

/* A table that the XSDT lists, or NULL. */
static uint8_t *find(const char *sig)
{
	uint8_t *x = xsdt(), *t;
	uint32_t off;

	for (off = 36; off < table_len(x); off += 8) {
		t = at(fake_get(x + off, 8));
		if (!memcmp(t, sig, 4))
			return t;
	}
	return NULL;
}

static uint8_t *dsdt(void)
{
	return at(fake_get(find("FACP") + 140, 8));
}

static bool contains(const uint8_t *t, const void *bytes, size_t len)
{
	return memmem(t, table_len(t), bytes, len) != NULL;
}

static void assert_table(const uint8_t *t, int total)
{
	assert_int_equal((t - buf) % 16, 0);
	assert_true(t - buf + table_len(t) <= total);
	assert_int_equal(sum(t, table_len(t)), 0);
	assert_memory_equal(t + 10, "BARGE ", 6);
}

static void every_table(void **state)
{
	static const char *const sigs[] = {"FACP", "APIC", "MCFG"};
	int len = build();
	unsigned int i;

	(void)state;
	assert_true(len > 36);
	assert_memory_equal(buf, "RSD PTR ", 8);
	assert_int_equal(buf[15], 2);
	assert_int_equal(sum(buf, 20), 0);
	assert_int_equal(sum(buf, 36), 0);
	assert_memory_equal(xsdt(), "XSDT", 4);
	assert_int_equal(table_len(xsdt()), 36 + 3 * 8);
	assert_table(xsdt(), len);
	for (i = 0; i < 3; i++) {
		assert_non_null(find(sigs[i]));
		assert_table(find(sigs[i]), len);
	}
	assert_memory_equal(dsdt(), "DSDT", 4);
	assert_table(dsdt(), len);
	/* nothing is written past the end */
	assert_int_equal(buf[len], 0xcc);
}

static void no_room(void **state)
{
	static uint8_t small[ACPI_SIZE];
	int len = build();
	size_t size;

	(void)state;
	for (size = 0; size < (size_t)len; size++) {
		small[size] = 0xcc;
		assert_int_equal(acpi_build(&plan, GPA, small, size), -ENOSPC);
		assert_int_equal(small[size], 0xcc);
	}
	assert_int_equal(acpi_build(&plan, GPA, small, size), len);
	assert_memory_equal(small, buf, len);
}

/* Every number of processors that there can be fits into its place. */
static void all_cpus_fit(void **state)
{
	(void)state;
	for (plan.cpus = 1; plan.cpus <= 4096; plan.cpus *= 2)
		assert_true(build() > 0);
	plan.cpus = UINT32_MAX;
	assert_int_equal(build(), -ENOSPC);
}

static void fadt(void **state)
{
	uint8_t *t;

	(void)state;
	build();
	t = find("FACP");
	assert_int_equal(table_len(t), 276);
	assert_int_equal(t[8], 6);
	assert_int_equal(fake_get(t + 40, 4), fake_get(t + 140, 8));
	/* no 8042, no VGA; MSI and the RTC are there */
	assert_int_equal(fake_get(t + 109, 2), 0x5);
	assert_true(fake_get(t + 112, 4) & 1U << 20); /* hardware-reduced */
	assert_true(fake_get(t + 112, 4) & 1U << 10); /* reset register */
	assert_int_equal(t[116], 1);
	assert_int_equal(fake_get(t + 120, 8), 0x602);
	assert_int_equal(t[128], 1);
	assert_int_equal(t[131], 4);
	assert_int_equal(fake_get(t + 248, 8), 0x600);
	assert_int_equal(fake_get(t + 260, 8), 0x601);
}

static void madt(void **state)
{
	/* clang-format off */
	static const uint8_t want[] = {
		0, 8, 0, 0, 1, 0, 0, 0, 0, 8, 1, 1, 1, 0, 0, 0,
		0, 8, 2, 2, 1, 0, 0, 0,
		1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0,
		2, 10, 0, 0, 2, 0, 0, 0, 5, 0,
		2, 10, 0, 9, 9, 0, 0, 0, 5, 0,
		4, 6, 0xff, 0, 0, 1,
	};
	/* clang-format on */
	uint8_t *t;

	(void)state;
	build();
	t = find("APIC");
	assert_int_equal(fake_get(t + 36, 4), 0xfee00000);
	assert_int_equal(table_len(t), 44 + sizeof(want));
	assert_memory_equal(t + 44, want, sizeof(want));
}

static void madt_x2apic(void **state)
{
	/* clang-format off */
	static const uint8_t last[] = {
		0, 8, 254, 254, 1, 0, 0, 0,
		9, 16, 0, 0, 255, 0, 0, 0, 1, 0, 0, 0, 255, 0, 0, 0,
		1, 12,
	};
	/* clang-format on */

	(void)state;
	plan.cpus = 256;
	build();
	assert_memory_equal(find("APIC") + 44 + 254 * 8, last, sizeof(last));
}

static void mcfg(void **state)
{
	uint8_t *t;

	(void)state;
	build();
	t = find("MCFG");
	assert_int_equal(fake_get(t + 44, 8), ECAM_BASE);
	assert_int_equal(fake_get(t + 52, 4), 0); /* segment, buses 0 to 0 */
	plan.ecam = (struct span){0, 0};
	build();
	assert_null(find("MCFG"));
}

/* Windows of the host bridge are those of the plan, and absent if empty. */
static void windows(void **state)
{
	uint8_t w32[26] = {0x87, 23, 0, 0, 0x0c, 1};
	uint8_t w64[46] = {0x8a, 43, 0, 0, 0x0c, 1};
	uint8_t io[16] = {0x88, 13, 0, 1, 0x0c, 3};

	(void)state;
	fake_put(w32 + 10, 0x90000000, 4);
	fake_put(w32 + 14, 0xafffffff, 4);
	fake_put(w32 + 22, 0x20000000, 4);
	fake_put(w64 + 14, 0x180000000, 8);
	fake_put(w64 + 22, 0x417fffffff, 8);
	fake_put(w64 + 38, 0x4000000000, 8);
	fake_put(io + 8, 0xc000, 2);
	fake_put(io + 10, 0xcfff, 2);
	fake_put(io + 14, 0x1000, 2);
	build();
	assert_true(contains(dsdt(), w32, sizeof(w32)));
	assert_true(contains(dsdt(), w64, sizeof(w64)));
	assert_true(contains(dsdt(), io, sizeof(io)));
	plan.mem32.len = 0;
	plan.mem64.len = 0;
	plan.io.len = 0;
	build();
	assert_false(contains(dsdt(), w32, 6));
	assert_false(contains(dsdt(), w64, 6));
	assert_false(contains(dsdt(), io, 6));
}

static void routes(void **state)
{
	/* Package (4) {0x0002ffff, 3, 0, 21}, {0x001fffff, 0, 0, 23} */
	static const uint8_t a[] = {0x12, 12, 4, 0x0c, 0xff, 0xff, 2,
				    0,	  10, 3, 0,    10,   21};
	static const uint8_t b[] = {0x12, 11, 4, 0x0c, 0xff, 0xff,
				    31,	  0,  0, 0,    10,   23};

	(void)state;
	build();
	assert_true(contains(dsdt(), a, sizeof(a)));
	assert_true(contains(dsdt(), b, sizeof(b)));
}

/* A slot with a device can be asked for by ACPI, one without is not there. */
static void ejectable_slots(void **state)
{
	/* Name (_ADR, 0x120000) Name (_SUN, 18) Method (_EJ0, 1) */
	static const uint8_t slot[] = {
		'S', '1',  '2',	 '_', 8,   '_', 'A',  'D',  'R', 0x0c, 0,
		0,   18,   0,	 8,   '_', 'S', 'U',  'N',  10,	 18,   0x14,
		22,  '_',  'E',	 'J', '0', 9,	0x70, 0x0c, 0,	 0,    4,
		0,   '\\', 0x2e, '_', 'S', 'B', '_',  'E',  'J', 'G',  'O',
	};
	/* If (And (Local0, 1 << 18, )) { Notify (\_SB.PCI0.S12, 3) } */
	static const uint8_t notify[] = {
		0xa0, 27,   0x7b, 0x60, 0x0c, 0,   0,	4,   0,	  0,
		0x86, '\\', 0x2f, 3,	'_',  'S', 'B', '_', 'P', 'C',
		'I',  '0',  'S',  '1',	'2',  '_', 10,	3,
	};

	(void)state;
	build();
	assert_false(contains(dsdt(), "_EJ0", 4));
	plan.n_pci = 3;
	plan.pci[0].devfn = 1 << 3;
	plan.pci[1].devfn = 18 << 3;
	plan.pci[2].devfn = 18 << 3 | 1; /* another function of it */
	build();
	assert_true(contains(dsdt(), slot, sizeof(slot)));
	assert_true(contains(dsdt(), notify, sizeof(notify)));
	assert_true(contains(dsdt(), "S01_\x08_ADR", 9));
	assert_false(contains(dsdt(), "S02_", 4));
}

/* PkgLength in each of its widths, seen from outside. */
static void package_lengths(void **state)
{
	static uint8_t p[1 << 21];
	static const size_t body[] = {0, 62, 63, 4093, 4094, 1048572, 1048573};
	static const size_t width[] = {1, 1, 2, 2, 3, 3, 4};
	struct aml a;
	size_t mark, i, n, len;

	(void)state;
	for (i = 0; i < 7; i++) {
		a = (struct aml){.buf = p, .size = sizeof(p)};
		mark = aml_open(&a, AML_PACKAGE);
		for (n = 0; n < body[i]; n++)
			aml_u8(&a, 0x77);
		aml_close(&a, mark);
		assert_int_equal(a.len, 1 + width[i] + body[i]);
		assert_int_equal(p[1] >> 6, width[i] - 1);
		len = width[i] == 1 ? p[1] & 0x3f : p[1] & 0xf;
		for (n = 1; n < width[i]; n++)
			len |= (size_t)p[1 + n] << (8 * n - 4);
		assert_int_equal(len, width[i] + body[i]);
		if (body[i])
			assert_int_equal(p[1 + width[i]], 0x77);
	}
}

static void names(void **state)
{
	static const uint8_t want[] = "\\A___"
				      "\\\x2e_SB_PCI0"
				      "\x2f\x03_SB_PCI0_CRS";
	uint8_t p[64];
	struct aml a = {.buf = p, .size = sizeof(p)};

	(void)state;
	aml_path(&a, "\\A");
	aml_path(&a, "\\_SB.PCI0");
	aml_path(&a, "_SB.PCI0._CRS");
	assert_int_equal(a.len, sizeof(want) - 1);
	assert_memory_equal(p, want, a.len);
}

static void eisa_ids(void **state)
{
	static const uint8_t want[] = {8,    '_',  'H',	 'I',  'D',
				       0x0c, 0x41, 0xd0, 0x0a, 0x08};
	uint8_t p[16];
	struct aml a = {.buf = p, .size = sizeof(p)};

	(void)state;
	aml_name_eisa(&a, "_HID", "PNP0A08");
	assert_int_equal(a.len, sizeof(want));
	assert_memory_equal(p, want, a.len);
}

/* --- what another implementation makes of it -------------------------------
 */

/* Disassemble each table and compile it again; every complaint is a failure. */
static const char script[] =
	"cd \"$1\" || exit 1\n"
	"clean() { rm -f -- * && cd / && rmdir \"$1\"; }\n"
	"command -v iasl >/dev/null || { clean \"$1\"; exit 77; }\n"
	"for t in *.dat; do\n"
	"iasl -d $t >log 2>&1 && iasl -p new ${t%.dat}.dsl >>log 2>&1 &&\n"
	"grep -q ' 0 Errors, 0 Warnings, 0 Remarks' log &&\n"
	"! grep -iE '(error|warning)[ :]|invalid' log || { cat log; exit 1; }\n"
	"done\n"
	"clean \"$1\"";

static void save(const char *dir, const uint8_t *t)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "%s/%.4s.dat", dir, (const char *)t);
	fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, t, table_len(t)), table_len(t));
	close(fd);
}

static void iasl_agrees(void **state)
{
	char dir[] = "/tmp/acpi-XXXXXX";
	int status;
	pid_t pid;

	(void)state;
	assert_non_null(mkdtemp(dir));
	plan.n_pci = 31;
	for (unsigned int i = 0; i < plan.n_pci; i++)
		plan.pci[i].devfn = (uint8_t)((i + 1) << 3);
	build();
	save(dir, dsdt());
	save(dir, find("FACP"));
	save(dir, find("APIC"));
	save(dir, find("MCFG"));
	pid = fork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", script, "sh", dir, (char *)NULL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_table),
		T(no_room),
		T(all_cpus_fit),
		T(fadt),
		T(madt),
		T(madt_x2apic),
		T(mcfg),
		T(windows),
		T(routes),
		T(ejectable_slots),
		T(package_lengths),
		T(names),
		T(eisa_ids),
		T(iasl_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
