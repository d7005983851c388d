package policy

import (
	"strings"
)

// condition is one key of one operator. All conditions of a statement have to hold.
type condition struct {
	operator string // as it stands in the document, such as ForAnyValue:StringLikeIfExists
	key      string // as it stands in the document
	operands []operand

	test     test
	order    order // of the operators for numbers and dates
	negated  bool  // true if no operand matches
	set      setOperator
	ifExists bool
}

// test is how an operand is compared with a value of the request.
type test int

const (
	stringEquals test = iota
	stringEqualsIgnoreCase
	stringLike
	boolean
	isNull
	numeric
	date
	binary
	ipAddress
	arnLike
)

// order is which outcomes of a comparison of the request's value with the policy's pass.
type order int

const (
	less order = 1 << iota
	equal
	greater
)

// setOperator is for keys that have several values.
type setOperator int

const (
	noSet        setOperator = iota
	forAnyValue              // true if some value of the request passes
	forAllValues             // true if no value of the request fails
)

// operators are the condition operators, without set operator and IfExists. Names are taken in this spelling only; any
// other name is refused, since a condition must never be skipped.
var operators = map[string]struct {
	test    test
	order   order
	negated bool
}{
	"StringEquals":              {test: stringEquals},
	"StringNotEquals":           {test: stringEquals, negated: true},
	"StringEqualsIgnoreCase":    {test: stringEqualsIgnoreCase},
	"StringNotEqualsIgnoreCase": {test: stringEqualsIgnoreCase, negated: true},
	"StringLike":                {test: stringLike},
	"StringNotLike":             {test: stringLike, negated: true},
	"NumericEquals":             {test: numeric, order: equal},
	"NumericNotEquals":          {test: numeric, order: equal, negated: true},
	"NumericLessThan":           {test: numeric, order: less},
	"NumericLessThanEquals":     {test: numeric, order: less | equal},
	"NumericGreaterThan":        {test: numeric, order: greater},
	"NumericGreaterThanEquals":  {test: numeric, order: greater | equal},
	"DateEquals":                {test: date, order: equal},
	"DateNotEquals":             {test: date, order: equal, negated: true},
	"DateLessThan":              {test: date, order: less},
	"DateLessThanEquals":        {test: date, order: less | equal},
	"DateGreaterThan":           {test: date, order: greater},
	"DateGreaterThanEquals":     {test: date, order: greater | equal},
	"Bool":                      {test: boolean},
	"BinaryEquals":              {test: binary},
	"IpAddress":                 {test: ipAddress},
	"NotIpAddress":              {test: ipAddress, negated: true},
	// "The ArnEquals and ArnLike condition operators behave identically", and so do their negations.
	"ArnEquals":    {test: arnLike},
	"ArnLike":      {test: arnLike},
	"ArnNotEquals": {test: arnLike, negated: true},
	"ArnNotLike":   {test: arnLike, negated: true},
	"Null":         {test: isNull},
}

// parseCondition reads the name of an operator; key and operands are the caller's to fill in.
func parseCondition(path, operator string) (condition, error) {
	c := condition{operator: operator}
	name, ok := strings.CutPrefix(operator, "ForAnyValue:")
	if ok {
		c.set = forAnyValue
	} else if name, ok = strings.CutPrefix(operator, "ForAllValues:"); ok {
		c.set = forAllValues
	}
	name, c.ifExists = strings.CutSuffix(name, "IfExists")
	known, ok := operators[name]
	if !ok {
		return c, malformed(path, "unknown condition operator %q", clip(operator))
	}
	c.test, c.order, c.negated = known.test, known.order, known.negated
	// "You can add IfExists to the end of any condition operator name except the Null condition." A set operator asks for
	// the values of a key, of which Null asks whether there are any.
	if c.test == isNull && name != operator {
		return c, malformed(path, "the condition operator Null takes neither IfExists nor a set operator")
	}
	return c, nil
}

// holds tells whether the condition is true for a request with this context. Sections "Condition operators",
// "Conditions with multiple context keys or values" and "Single-valued vs. multivalued context keys".
func (c *condition) holds(context Context) bool {
	values := context.values(c.key)
	if c.test == isNull {
		if null(values) {
			return c.matches("true", nil)
		}
		return c.matches("false", nil)
	}
	if c.set != noSet {
		if null(values) {
			// IfExists changes nothing: observers of IAM agree that a missing key fails ForAnyValue all the same.
			return c.set == forAllValues
		}
		for _, value := range values {
			if passes := c.matches(value, context) != c.negated; passes == (c.set == forAnyValue) {
				return passes
			}
		}
		return c.set == forAllValues
	}
	if len(values) == 0 {
		return c.negated || c.ifExists
	}
	// IAM wants a set operator for a key with several values, and doesn't say what comes of none. The values count as one
	// set: the operator sees a match if there is one anywhere, and its negation sees none if there is none anywhere.
	for _, value := range values {
		if c.matches(value, context) {
			return !c.negated
		}
	}
	return c.negated
}

// matches tells whether a value of the request matches at least one operand. A value that is not of the operator's type,
// such as a name where a number is asked for, matches none.
func (c *condition) matches(value string, context Context) bool {
	switch c.test {
	case numeric, date, ipAddress, arnLike:
		v, ok := c.test.read(value)
		if !ok {
			return false
		}
		for i := range c.operands {
			if c.operands[i].matchesTyped(c, &v, context) {
				return true
			}
		}
		return false
	case binary:
		for i := range c.operands {
			if c.operands[i].binary == value {
				return true
			}
		}
		return false
	}
	for i := range c.operands {
		if c.operands[i].pattern.match(value, context) {
			return true
		}
	}
	return false
}

// null tells whether a key has no value: it is not in the request, or "resolves to a null dataset, such as an empty
// string" (Single-valued vs. multivalued context keys).
func null(values []string) bool {
	for _, value := range values {
		if value != "" {
			return false
		}
	}
	return true
}
