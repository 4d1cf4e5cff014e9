#ifndef GREETING_H
#define GREETING_H

/* Prints the words of the data file. 0, or 1 if it cannot be read. */
int greet(void);

#endif
