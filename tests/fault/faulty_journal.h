/* What a power cut takes from folders: changes of names that no sync of a folder has made durable.
 * Nothing is really removed before that, only put aside (FOLDER/gone). As on journalling file
 * systems the sync of any folder makes all changes of names durable that came before it; that of a
 * file does not, as POSIX promises no more. Any thread may call this. */
#ifndef FAULT_FAULTY_JOURNAL_H
#define FAULT_FAULTY_JOURNAL_H

/* `folder` has `gone`: 0 or an errno. */
int journal_init(int folder);

/* Each does it, and takes it down: 0 or an errno, and then nothing was done. Folders are
 * descriptors. */
int journal_created(int parent, const char *name); /* this was done by the caller */
int journal_remove(int parent, const char *name);
int journal_rename(int parent, const char *name, int to_parent, const char *to_name);

void journal_synced(void);
/* 0 or an errno. */
int journal_power_cut(void);

#endif
