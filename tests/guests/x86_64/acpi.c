/* SPDX-License-Identifier: Apache-2.0 */
/* Every ACPI table is whole, and says what the other guests rely on. */
#include "tests/guests/x86_64/arch.h"

static void check_sum(const uint8_t *p, uint64_t len, const char *what)
{
	uint8_t sum = 0;

	for (uint64_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + p[i]);
	check_eq(sum, 0, what);
}

static void check_table(const uint8_t *t)
{
	char sig[8] = "      \n";
	uint64_t len = get_le(t + 4, 4);

	for (int i = 0; i < 4; i++)
		sig[i] = (char)t[i];
	print(sig);
	check(len >= 36 && len < 0x10000, "length of a table");
	check_sum(t, len, "checksum of a table");
}

/* acpi-6.4 5.2.5.3 */
static void check_rsdp(void)
{
	const uint8_t *p = acpi_find("RSDP");

	check_eq(get_le(p, 8), 0x2052545020445352, "RSD PTR");
	check_eq(p[15], 2, "revision of the RSDP");
	check_sum(p, 20, "checksum of the RSDP");
	check_sum(p, 36, "extended checksum of the RSDP");
}

/* acpi-6.4 5.2.9: the DSDT, HW_REDUCED_ACPI and the sleep register. */
static void check_fadt(void)
{
	const uint8_t *fadt = acpi_find("FACP");
	const uint8_t *dsdt;
	uint64_t at;

	check(fadt != NULL, "no FADT");
	check(get_le(fadt + 4, 4) >= 268, "FADT is too short");
	at = get_le(fadt + 140, 8);
	if (at == 0)
		at = get_le(fadt + 40, 4);
	check(at != 0, "no DSDT");
	dsdt = (const uint8_t *)at;
	check_eq(get_le(dsdt, 4), 0x54445344, "DSDT");
	check_table(dsdt);
	check((get_le(fadt + 112, 4) & 1 << 20) != 0, "not hardware-reduced");
	check_eq(fadt[244], 1, "sleep control is a port");
	check_eq(get_le(fadt + 248, 8), PM_SLEEP_CONTROL, "sleep control");
	check((get_le(fadt + 112, 4) & 1 << 10) != 0, "no reset register");
	check_eq(get_le(fadt + 120, 8), PM_RESET, "reset register");
}

/* acpi-6.4 5.2.12: this guest runs with two processors. */
static void check_madt(void)
{
	const uint8_t *madt = acpi_find("APIC");
	unsigned int cpus = 0;
	unsigned int ioapics = 0;
	uint64_t len;

	check(madt != NULL, "no MADT");
	len = get_le(madt + 4, 4);
	check_eq(get_le(madt + 36, 4), LAPIC, "local APIC address");
	for (uint64_t off = 44; off < len; off += madt[off + 1]) {
		check(madt[off + 1] >= 2 && off + madt[off + 1] <= len,
		      "MADT entry of odd length");
		cpus += madt[off] == 0 && (madt[off + 4] & 1);
		cpus += madt[off] == 9 && (madt[off + 8] & 1);
		ioapics += madt[off] == 1;
	}
	check_eq(cpus, 2, "processors in the MADT");
	check_eq(ioapics, 1, "IOAPICs in the MADT");
}

void guest_main(void)
{
	const uint8_t *xsdt;

	check_rsdp();
	xsdt = acpi_find("XSDT");
	check_table(xsdt);
	for (uint64_t off = 36; off < get_le(xsdt + 4, 4); off += 8)
		check_table((const uint8_t *)get_le(xsdt + off, 8));
	check_fadt();
	check_madt();
}
