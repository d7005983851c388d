// Command idpool is a self-hosted identity-pool service. This file reads flags, files and signals; the work is in package
// server.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"idpool/server"
)

// Exit codes.
const (
	exitFailure = 1
	exitUsage   = 2
)

type commands struct {
	Config kong.ConfigFlag `placeholder:"FILE" help:"YAML file; its keys are the names of the flags."`

	Serve    serveCommand    `cmd:"" help:"Run a node."`
	Migrate  migrateCommand  `cmd:"" help:"Bring a database's schema up to date."`
	Accounts accountsCommand `cmd:"" help:"Manage accounts."`
	Sessions sessionsCommand `cmd:"" help:"End sessions."`
	Explain  explainCommand  `cmd:"" help:"Say why something is refused, or allowed."`
	Move     moveCommand     `cmd:"" help:"Move everything from SQLite to PostgreSQL, or back."`
	Version  versionCommand  `cmd:"" help:"Print the version."`
}

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

// run does what a command line says, and returns the exit code. A person reads what went wrong on stderr.
func run(args []string, stderr io.Writer) int {
	var c commands
	command, err := newParser(&c).Parse(args)
	if err != nil {
		fmt.Fprintf(stderr, "idpool: %v\nTry idpool --help, or idpool serve --help.\n", err)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	// After the first signal the second has its usual effect: it ends the process at once.
	context.AfterFunc(ctx, stop)
	command.BindTo(ctx, (*context.Context)(nil))
	err = command.Run()
	var usage *server.UsageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		fmt.Fprintln(stderr, "idpool:", err)
		return exitUsage
	}
	// Errors of a database driver may have many lines.
	fmt.Fprintln(stderr, "idpool:", strings.Join(strings.Fields(err.Error()), " "))
	return exitFailure
}

// newParser reads command lines, IDPOOL_ variables and the file of --config into c. What is nearest to the command counts.
func newParser(c *commands) *kong.Kong {
	parser, err := kong.New(
		c, kong.Name("idpool"), kong.Description("A self-hosted identity-pool service."),
		kong.Configuration(readConfig), kong.DefaultEnvars("IDPOOL"), kong.UsageOnError(), values(),
		kong.Vars{"defaultRegion": defaultRegion},
	)
	if err != nil {
		panic(err) // a mistake in the structs above
	}
	return parser
}

type versionCommand struct{}

// Run prints the version that the binary was built from.
func (versionCommand) Run() error {
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
	}
	_, err := fmt.Println("idpool", version)
	return err
}
