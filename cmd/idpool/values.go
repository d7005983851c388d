package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"reflect"
	"strconv"
	"time"

	"github.com/alecthomas/kong"
)

// values read the texts of flags in the place of kong's own readers, whose errors are the libraries' and give no example.
func values() kong.Option {
	return kong.OptionFunc(func(k *kong.Kong) error {
		for _, option := range []kong.Option{
			kong.KindMapper(reflect.String, value("", func(text string) (string, error) { return text, nil })),
			kong.KindMapper(reflect.Int, value("a whole number such as 100", strconv.Atoi)),
			kong.TypeMapper(reflect.TypeFor[time.Duration](), value("a time such as 5s or 10m", time.ParseDuration)),
			kong.TypeMapper(reflect.TypeFor[netip.Prefix](), value("a network such as 10.0.0.0/8", netip.ParsePrefix)),
		} {
			if err := option.Apply(k); err != nil {
				return err
			}
		}
		return nil
	})
}

// value reads one value by a parser, and words its errors with an example: the flag's placeholder if none is given.
func value[T any](example string, parse func(string) (T, error)) kong.Mapper {
	return kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
		wanted := example
		if flag := ctx.Value.Flag; flag != nil {
			wanted = cmp.Or(example, flag.PlaceHolder)
		}
		token := ctx.Scan.Pop()
		if !token.IsValue() {
			return fmt.Errorf("its value is missing: give %s", wanted)
		}
		v, err := parse(token.String())
		if err != nil {
			return fmt.Errorf("give %s, not %q", wanted, token)
		}
		target.Set(reflect.ValueOf(v).Convert(target.Type()))
		return nil
	})
}
