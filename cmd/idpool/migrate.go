package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"idpool/server"
)

// migrateCommand has the flags of serve that say where the database is; --dev is left out, as such a node migrates itself.
type migrateCommand struct {
	Data     string `default:"idpool-data" placeholder:"DIR" help:"Directory of the node's files (${default})."`
	Database string `placeholder:"PATH|URL" help:"SQLite file, or postgres:// URL (idpool.db in --data)."`
}

// Run is idpool migrate.
func (c *migrateCommand) Run(ctx context.Context) error {
	before, after, err := server.Migrate(ctx, server.Config{
		Data: c.Data, Database: c.Database, Log: slog.New(slog.NewJSONHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	_, err = fmt.Printf("the schema had version %d and has version %d\n", before, after)
	return err
}
