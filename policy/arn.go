package policy

import (
	"strings"
)

// arnFields is how many fields colons divide an ARN into: arn, partition, service, region, account and resource. Colons in
// the resource belong to it.
const arnFields = 6

// arnPattern is a value of the ARN operators: "Each of the six colon-delimited components of the ARN is checked separately
// and each can include multi-character match wildcards (*) or single-character match wildcards (?)" (ARN condition
// operators). So a `*` reaches no further than its field, and a variable's value can't either.
type arnPattern [arnFields]pattern

// splitARN takes an ARN apart. It wants the form only: nobody outside knows all services.
func splitARN(s string) (fields [arnFields]string, ok bool) {
	for i := range arnFields - 1 {
		if fields[i], s, ok = strings.Cut(s, ":"); !ok {
			return fields, false
		}
	}
	fields[arnFields-1] = s
	return fields, fields[0] == "arn"
}

func (p *arnPattern) match(fields *[arnFields]string, context Context) bool {
	for i := range p {
		if !p[i].match(fields[i], context) {
			return false
		}
	}
	return true
}

// compileARN reads a value of the ARN operators: six fields with wildcards and variables, or `*` for any ARN, or one
// variable that holds an ARN. What has fewer fields would never match, and a Deny would be without effect.
func (o *operand) compileARN(value text, variables bool) error {
	has := syntax{wildcards: true, variables: variables}
	whole, err := compile(value, has)
	if err != nil {
		return err
	}
	if value.value == "*" || whole.isOneVariable() {
		o.pattern = whole
		return nil
	}
	fields := cutFields(value.value, variables)
	if len(fields) != arnFields {
		return malformed(value.path, "%q is not an ARN, which has six fields with colons between them", clip(value.value))
	}
	o.arn = new(arnPattern)
	for i, field := range fields {
		if o.arn[i], err = compile(text{value.path, field}, has); err != nil {
			return err
		}
	}
	return nil
}

// cutFields cuts at the first five colons that stand outside of variables, whose names hold colons too.
func cutFields(s string, variables bool) (fields []string) {
	start := 0
	for i := 0; i < len(s) && len(fields) < arnFields-1; i++ {
		switch {
		case s[i] == ':':
			fields = append(fields, s[start:i])
			start = i + 1
		case variables && strings.HasPrefix(s[i:], "${"):
			if _, after, ok := cutVariable(s[i:]); ok {
				i = len(s) - len(after) - 1
			}
		}
	}
	return append(fields, s[start:])
}

// isOneVariable tells whether the pattern is a variable and nothing else.
func (p *pattern) isOneVariable() bool {
	return len(p.segments) == 1 && len(p.segments[0]) == 1 && p.segments[0][0].kind == variable
}
