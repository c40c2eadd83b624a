package main

// help is what -h prints: one screen.
const help = `usage: pgload [-d URL] -table NAME [options] FILE...

Loads CSV, NDJSON and Parquet files, or standard input, into a table of PostgreSQL: all rows of all
files or none, unless -resume, -jobs or -quarantine commit chunk by chunk.

  -d URL            URL or key=value string of the server (default: DATABASE_URL, then PGHOST etc.)
  -table NAME       the table, in SQL notation
  -infer            print a CREATE TABLE that the first file fits, and stop; needs no server
  -create           print that statement, run it, and load
  -dry-run          read everything, report the bad rows, write nothing
  -strict           refuse a CSV file whose last line has no line end: it may have been cut off
  -truncate         empty the table first; its rows are written frozen
  -on-conflict KEYS update rows with the same keys: column names, separated by commas
  -keep-identity    take values for identity columns from the files
  -drop-indexes     drop plain indexes during the load; with -jobs or -quarantine needs -resume
  -jobs N           load over N connections; rows lose their order

  -resume ID        record what is loaded of each file under ID and its base name, and go on from
                    there next time; a renamed or compressed copy is another file, and loaded again
  -forget ID        forget what is recorded under ID, and stop; its rows stay in the table
  -verify           with -resume, -jobs or -quarantine: read each file whole before its first chunk
                    is written, and refuse one that is cut off or damaged
  -quarantine       put rows that the server refuses into headrace.quarantine, and go on
  -max-bad N        with -quarantine: give up above N bad rows, or above N%
  -install          create the tables that -resume and -quarantine need; alone, do nothing else

  -format NAME      csv, ndjson or parquet (default: by the file's name, then by its first bytes)
  -columns NAMES    of a CSV file without a header; all keys of NDJSON; those to take of Parquet
  -map OLD=NEW,...  names of fields, and of their columns where those are others
  -skip NAMES       fields that are not loaded
  -delimiter CHAR   CSV: between fields, or "tab" (default: comma; tab in .tsv files)
  -quote CHAR       CSV: around fields, or "none": quotes are data (default: "; none in .tsv files)
  -escape CHAR      CSV: before a quote within quotes (default: the quote itself)
  -null TEXT        CSV: unquoted text that means NULL (default: nothing)
  -encoding NAME    of CSV and NDJSON, such as latin1 (default: UTF-8, or what a byte order mark says)
  -binary-as-text   Parquet: byte arrays without annotation are text (Impala, Hive, old Spark)

Flags may follow files; behind -- all are files. gzip, zstd and bzip2 are seen by the first bytes.
Exit status: 0 all rows are in; 1 failed, the last lines say what is in or that it is unknown; 2 wrong
usage; 3 good rows are in, bad ones in quarantine, or -dry-run found some; 130 interrupted, as 1
`
