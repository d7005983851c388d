package wire

import (
	"context"
	"reflect"
)

// Service is a table of operations under one name and protocol.
type Service struct {
	Name       string // in the credential scope: cognito-identity, iam, sts
	Target     string // JSON 1.1: how X-Amz-Target names the service, without a namespace; empty for a Query service
	Version    string // Query: the value of the Version parameter
	Namespace  string // Query: the XML namespace of replies
	Shapes     Shapes
	Operations []Operation
	// Admit says whether callers like this one may use the service at all: to others their key is as unknown. Nil is everybody.
	Admit func(Caller) bool
	// MapError turns a lower floor's error into one for the wire; nil means that the error was not foreseen.
	MapError func(error) *Error
	// Unforeseen is the code of errors that were not foreseen, where the service has one of its own.
	Unforeseen string
}

// Operation is one row of a service's table, made by Public or Signed.
type Operation struct {
	Name   string
	Signed bool
	in     reflect.Type
	call   func(ctx context.Context, caller Caller, in any) (any, error)
}

// Public is an operation that anybody may call; a signature on it is neither needed nor looked at. A nil output is an
// empty reply.
func Public[In, Out any](name string, f func(context.Context, *In) (*Out, error)) Operation {
	return Operation{
		Name: name, in: reflect.TypeFor[In](),
		call: func(ctx context.Context, _ Caller, in any) (any, error) { return reply(f(ctx, in.(*In))) },
	}
}

// Signed is an operation that needs a signature. It authorizes its caller itself, as its first statement.
func Signed[In, Out any](name string, f func(context.Context, Caller, *In) (*Out, error)) Operation {
	return Operation{
		Name: name, Signed: true, in: reflect.TypeFor[In](),
		call: func(ctx context.Context, c Caller, in any) (any, error) { return reply(f(ctx, c, in.(*In))) },
	}
}

// Nothing is the output of an operation whose reply is empty: return nil of it.
type Nothing struct{}

func reply[Out any](out *Out, err error) (any, error) {
	if err != nil || out == nil {
		return nil, err
	}
	return out, nil
}

// row is an operation as the mux keeps it: with its service, and its input compiled.
type row struct {
	*Service
	Operation
	kind *kind
}

func (s *Service) rows() map[string]*row {
	rows := make(map[string]*row, len(s.Operations))
	for _, op := range s.Operations {
		rows[op.Name] = &row{Service: s, Operation: op, kind: s.Shapes.compile(op.in, "")}
	}
	return rows
}

// input decodes a tree into a new input struct and checks every constraint.
func (r *row) input(tree any) (any, error) {
	in := reflect.New(r.in)
	problems, err := fill(r.kind, tree, in.Elem())
	if err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		code := "ValidationException"
		if r.Target == "" {
			code = "ValidationError"
		}
		return nil, &Error{Code: code, Message: validationMessage(problems)}
	}
	return in.Interface(), nil
}
