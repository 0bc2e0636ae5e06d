// SPDX-License-Identifier: Apache-2.0
#include "vmm/vcpu_place.h"

#include <errno.h>
#include <string.h>

#include "vmm/affinity.h"
#include "vmm/host_facts.h"

#define CPUS_ONLINE "/sys/devices/system/cpu/online"

void vcpu_place(const struct conf *c, unsigned int i, struct thread_place *p)
{
	memset(p, 0, sizeof(*p));
	p->rt_priority = (int)c->rt_priority;
	p->pinned = c->cpu_affinity != NULL;
	if (p->pinned)
		affinity_of(c->cpu_affinity, i, &p->cpus);
}

struct trial {
	const struct conf *conf;
	struct err *e;
	int ret;
};

/* @cpu cannot be had: there is no such one, or it is not for us. */
static int not_ours(unsigned int cpu, struct err *e)
{
	int code = -EPERM;
	char online[128];
	cpu_set_t set;
	int r;

	if (host_read("", CPUS_ONLINE, online, sizeof(online)) > 0 &&
	    affinity_set(online, &set) == 0 && !CPU_ISSET(cpu, &set))
		code = -ENODEV;
	r = err_set(e, code, ERR_AFFINITY, NULL, online);
	e->num = cpu;
	return r;
}

/*
 * The kernel takes a set that the cpuset (cgroup) has a part of, and makes it
 * that part: what was asked for is to be had as a whole.
 */
static int try_cpus(const struct thread_place *p, struct err *e)
{
	cpu_set_t got;

	if (sched_setaffinity(0, sizeof(p->cpus), &p->cpus) < 0 ||
	    sched_getaffinity(0, sizeof(got), &got) < 0)
		CPU_ZERO(&got);
	for (unsigned int i = 0; i < CPU_SETSIZE; i++) {
		if (CPU_ISSET(i, &p->cpus) && !CPU_ISSET(i, &got))
			return not_ours(i, e);
	}
	return 0;
}

static int try_place(const struct thread_place *p, struct err *e)
{
	struct sched_param sp = {.sched_priority = p->rt_priority};
	int r = p->pinned ? try_cpus(p, e) : 0;

	if (r == 0 && p->rt_priority &&
	    sched_setscheduler(0, SCHED_FIFO, &sp) < 0)
		return err_set_num(e, -errno, ERR_RT_PRIORITY, NULL,
				   (uint64_t)p->rt_priority, 0);
	return r;
}

static void *trial_main(void *arg)
{
	struct trial *t = arg;

	for (unsigned int i = 0; i < t->conf->cpus && t->ret == 0; i++) {
		struct thread_place p;

		vcpu_place(t->conf, i, &p);
		t->ret = try_place(&p, t->e);
	}
	return NULL;
}

int vcpu_place_check(const struct conf *c, struct err *e)
{
	struct trial t = {.conf = c, .e = e};
	pthread_t thread;
	int r;

	if (!c->cpu_affinity && !c->rt_priority)
		return 0;
	r = thread_start(&thread, "place-trial", trial_main, &t);
	if (r < 0)
		return err_set(e, r, ERR_HOST_CALL, "pthread_create", NULL);
	pthread_join(thread, NULL);
	return t.ret;
}
