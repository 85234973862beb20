/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * module.h - what ties a file of the server side to the module: its index for
 * configuration vectors and its LogLevel. Included by every .c that logs or looks
 * configuration up, except the one that declares the module.
 */
#ifndef TWC_GLUE_MODULE_H
#define TWC_GLUE_MODULE_H

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>

extern module AP_MODULE_DECLARE_DATA twchat_module;
APLOG_USE_MODULE(twchat);

#endif
