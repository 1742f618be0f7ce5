/* Every result that a call of the driver can have, provoked once. */

#ifndef ERRORS_H
#define ERRORS_H

#include "tcu.h"

/* Tells each on the console; a run between them and one after them must be good. Returns how many were not as they
 * should be. */
unsigned provoke_errors(struct tcu *tcu);

#endif
