package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"text/tabwriter"
	"time"

	"idpool/server"
	"idpool/store"
)

type moveCommand struct {
	From string `required:"" env:"-" placeholder:"PATH|URL" help:"SQLite file, or postgres:// URL, of the deployment."`
	To   string `required:"" env:"-" placeholder:"URL|PATH" help:"The other kind: an empty database, or a new file."`
	Data string `placeholder:"DIR" help:"Data directory of the node on the SQLite file (the file's folder)."`

	MasterKey     string `hidden:""`
	MasterKeyFile string `placeholder:"FILE" help:"The master key that nodes are given, which is stored nowhere then. Or IDPOOL_MASTER_KEY."`
}

// Run is idpool move.
func (c *moveCommand) Run(ctx context.Context) error {
	key, err := (&serveCommand{MasterKey: c.MasterKey, MasterKeyFile: c.MasterKeyFile}).masterKey()
	if err != nil {
		return err
	}
	if key != nil && len(key) != store.MasterKeySize {
		return &server.UsageError{Message: fmt.Sprintf("the master key has %d bytes; it must have %d, written in base64", len(key), store.MasterKeySize)}
	}
	progress := &moveProgress{out: os.Stderr, often: isTerminal(os.Stderr), now: time.Now}
	moved, err := server.Move(ctx, server.MoveConfig{
		From: c.From, To: c.To, Data: c.Data, MasterKey: key, Progress: progress.tell,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	switch {
	case ctx.Err() != nil && err != nil: // else the errors of two databases that were interrupted
		return errors.New("interrupted: nothing of the source has changed, and no node serves the target until the move is repeated")
	case err != nil:
		return err
	}
	return printMoved(os.Stdout, moved)
}

// moveProgress writes a line at the end of every table, and where a person watches a line a second at most before it.
type moveProgress struct {
	out   io.Writer
	often bool
	now   func() time.Time
	last  time.Time
}

func (p *moveProgress) tell(m store.MoveProgress) {
	now := p.now()
	if !m.Done && (!p.often || now.Sub(p.last) < time.Second) {
		return
	}
	p.last = now
	fmt.Fprintf(p.out, "%s: %s: %d of %d rows\n", m.Step, m.Table, m.Rows, m.Of)
}

func printMoved(out io.Writer, moved *server.Moved) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TABLE\tROWS\tSHA-256")
	for _, t := range moved.Tables {
		fmt.Fprintf(w, "%s\t%d\t%x\n", t.Name, t.Rows, t.SHA256)
	}
	fmt.Fprintf(w, "\nEvery table is the same in both databases. The master key is %s.\n", moved.MasterKey)
	if moved.IssuerURL == "" {
		fmt.Fprintln(w, "No issuer's URL is stored. Give nodes that of the address where the old node listened, such as "+
			"--issuer-url http://127.0.0.1:7400, else tokens given out before are refused.")
	}
	return w.Flush()
}
