/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * descriptors.h - how many live pages a child process has descriptors for.
 */
#ifndef TWC_GLUE_DESCRIPTORS_H
#define TWC_GLUE_DESCRIPTORS_H

#include "glue/tenant.h"

/** Divide what the child can open beside all its other work among the live pages of its tenants (twc_tenant_t *). */
void twc_descriptors_share(const apr_array_header_t *tenants);

#endif
