package main

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite"
)

// FerretDB 1.24.2 indexes _ferretdb_sjson->"_id" but asks for _ferretdb_sjson->'$._id': its own index never serves a read, so
// that finding a document by its _id scans the collection. MongoDB does not. keepIDIndexes adds the index that does serve,
// to every collection within about 20 ms of its creation.
func keepIDIndexes(ctx context.Context, folder string) {
	databases := map[string]*database{}
	for ctx.Err() == nil {
		paths, _ := filepath.Glob(filepath.Join(folder, "*.sqlite"))
		present := map[string]bool{}
		for _, path := range paths {
			present[path] = true
			if databases[path] == nil {
				databases[path] = &database{path: path}
			}
			databases[path].indexIfChanged(ctx)
		}
		for path, known := range databases {
			if !present[path] { // dropped
				known.close()
				delete(databases, path)
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// One SQLite file that FerretDB made, as last seen.
type database struct {
	path   string
	file   os.FileInfo
	wal    os.FileInfo
	handle *sql.DB
}

// A file whose write-ahead log is as it was has no new collection: looking costs two stat calls.
func (d *database) indexIfChanged(ctx context.Context) {
	file, err := os.Stat(d.path)
	if err != nil {
		return
	}
	if d.file != nil && !os.SameFile(d.file, file) { // dropped and made again
		d.close()
	}
	d.file = file
	wal, err := os.Stat(d.path + "-wal")
	if err != nil || (d.wal != nil && wal.ModTime().Equal(d.wal.ModTime()) && wal.Size() == d.wal.Size()) {
		return
	}
	if err := d.index(ctx); err != nil {
		slog.Warn("id index", "database", d.path, "error", err) // looked at again at the next turn
		return
	}
	d.wal = wal
}

const withoutIndex = `SELECT name FROM sqlite_master t WHERE type = 'table' AND name NOT LIKE '%ferretdb%' AND name NOT LIKE 'sqlite%'
	AND NOT EXISTS (SELECT 1 FROM sqlite_master i WHERE i.type = 'index' AND i.name = t.name || '_read_id')`

func (d *database) index(ctx context.Context) error {
	if d.handle == nil {
		handle, err := sql.Open("sqlite", "file:"+d.path+"?mode=rw&_pragma=busy_timeout(1000)")
		if err != nil {
			return err
		}
		handle.SetMaxOpenConns(1)
		d.handle = handle
	}
	rows, err := d.handle.QueryContext(ctx, withoutIndex)
	if err != nil {
		return err
	}
	var tables []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			_ = rows.Close()
			return err
		}
		tables = append(tables, strings.ReplaceAll(name, `"`, `""`))
	}
	if err := rows.Close(); err != nil {
		return err
	}
	for _, table := range tables {
		statement := fmt.Sprintf(`CREATE INDEX IF NOT EXISTS "%s_read_id" ON "%s" (_ferretdb_sjson->'$._id')`, table, table)
		if _, err := d.handle.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func (d *database) close() {
	if d.handle != nil {
		_ = d.handle.Close()
	}
	d.handle, d.file, d.wal = nil, nil, nil
}
