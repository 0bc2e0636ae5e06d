// SPDX-License-Identifier: Apache-2.0
/*
 * GICv2m frame (SBSA-v2m): message-signaled interrupts for a GICv2, which has
 * none. What is written to one register raises the shared interrupt of that
 * number; its edge, so that a guest has to configure these interrupts as such.
 *
 * The interrupts are the GIC_V2M_SPIS from the one on that the environment
 * names, which counts from the first shared one (INTID 32); in the registers
 * they have their INTIDs. Messages of passed-through devices do not come here:
 * their irqfds have routes to the same interrupts.
 *
 * Everything else reads as 0: MSI_IIDR, too, by which drivers know the chips
 * that count from somewhere else.
 */
#include "devices/devices.h"

#define MSI_TYPER	  0x008
#define MSI_SETSPI_NS	  0x040

#define SPI_FIRST	  32 /* INTID of the first: GICv2 2.2.1 */
#define TYPER_FIRST_SHIFT 16

struct gic_v2m {
	struct device dev;
	struct dev_env env;
};

static uint64_t v2m_read(struct device *d, unsigned int region, uint64_t off,
			 unsigned int len)
{
	const struct gic_v2m *v = (struct gic_v2m *)d;

	(void)region;
	if (off % 4 || len > 4)
		return ~0ull;
	if (off != MSI_TYPER)
		return 0;
	return (uint64_t)(v->env.irq.irq + SPI_FIRST) << TYPER_FIRST_SHIFT |
	       GIC_V2M_SPIS;
}

static void v2m_write(struct device *d, unsigned int region, uint64_t off,
		      unsigned int len, uint64_t val)
{
	const struct gic_v2m *v = (struct gic_v2m *)d;
	unsigned int first = v->env.irq.irq;
	uint32_t intid = len == 4 ? (uint32_t)val : (uint16_t)val;

	(void)region;
	if (off != MSI_SETSPI_NS || (len != 2 && len != 4))
		return;
	if (intid - first - SPI_FIRST >= GIC_V2M_SPIS) /* or below: it wraps */
		return;
	v->env.irq.set(v->env.irq.ctx, intid - SPI_FIRST, true);
	v->env.irq.set(v->env.irq.ctx, intid - SPI_FIRST, false);
}

static void v2m_init(struct device *d, const struct dev_env *env)
{
	struct gic_v2m *v = (struct gic_v2m *)d;

	d->ops = &gic_v2m_ops;
	v->env = *env;
}

const struct dev_ops gic_v2m_ops = {
	.name = "gic-v2m",
	.size = sizeof(struct gic_v2m),
	.init = v2m_init,
	.read = v2m_read,
	.write = v2m_write,
};
