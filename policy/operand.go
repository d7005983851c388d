package policy

import (
	"encoding/base64"
	"net/netip"
	"strings"
	"time"
)

// operand is one value that the policy names, compiled for its operator. The fields that the operator doesn't use are empty.
type operand struct {
	text    string       // as it stands in the document
	pattern pattern      // of the string operators, Bool and Null; of an ARN that is * or one variable
	number  number       // of the numeric operators
	date    time.Time    // of the date operators
	binary  string       // of BinaryEquals: the bytes
	prefix  netip.Prefix // of the address operators
	arn     *arnPattern  // of the ARN operators; nil if pattern stands for the ARN as a whole
}

// typed is a value of the request, read once for all operands.
type typed struct {
	text   string
	number number
	date   time.Time
	addr   netip.Addr
	arn    [arnFields]string
}

// compile makes a value ready for its operator. Variables work "in any condition that involves the string operators or
// the ARN operators" (IAM policy elements: Variables and tags), and nowhere else.
func (t test) compile(value text, variables bool) (operand, error) {
	o := operand{text: value.value}
	var ok bool
	var err error
	switch t {
	case stringEquals:
		o.pattern, err = compile(value, syntax{variables: variables})
		return o, err
	case stringEqualsIgnoreCase:
		o.pattern, err = compile(value, syntax{variables: variables, fold: true})
		return o, err
	case stringLike:
		o.pattern, err = compile(value, syntax{variables: variables, wildcards: true})
		return o, err
	case arnLike:
		err = o.compileARN(value, variables)
		return o, err
	case boolean, isNull:
		if !strings.EqualFold(value.value, "true") && !strings.EqualFold(value.value, "false") {
			return o, malformed(value.path, "%q is neither true nor false", clip(value.value))
		}
		o.pattern, err = compile(value, syntax{fold: true})
		return o, err
	case numeric:
		if o.number, ok = parseNumber(value.value); !ok {
			return o, malformed(value.path, "%q is not a number", clip(value.value))
		}
	case date:
		if o.date, ok = parseDate(value.value); !ok {
			const form = "%q is neither a date such as 2026-01-31T00:00:00Z nor a number of seconds since 1970"
			return o, malformed(value.path, form, clip(value.value))
		}
	case binary:
		b, err := base64.StdEncoding.Strict().DecodeString(value.value)
		if err != nil {
			return o, malformed(value.path, "%q is not base64", clip(value.value))
		}
		o.binary = string(b)
	case ipAddress:
		if o.prefix, ok = parsePrefix(value.value); !ok {
			return o, malformed(value.path, "%q is neither an IP address nor a range such as 203.0.113.0/24", clip(value.value))
		}
	}
	return o, nil
}

// read understands a value of the request as the operator's type.
func (t test) read(value string) (v typed, ok bool) {
	v.text = value
	switch t {
	case numeric:
		v.number, ok = parseNumber(value)
	case date:
		v.date, ok = parseDate(value)
	case ipAddress:
		v.addr, ok = parseAddr(value)
	case arnLike:
		v.arn, ok = splitARN(value)
	}
	return v, ok
}

// matchesTyped compares the operand with a value that was read for the condition's operator.
func (o *operand) matchesTyped(c *condition, v *typed, context Context) bool {
	switch c.test {
	case numeric:
		return c.order.passes(v.number.compare(o.number))
	case date:
		return c.order.passes(v.date.Compare(o.date))
	case ipAddress:
		return o.prefix.Contains(v.addr)
	case arnLike:
		if o.arn == nil {
			return o.pattern.match(v.text, context)
		}
		return o.arn.match(&v.arn, context)
	}
	return false
}

// passes takes what cmp.Compare gives.
func (o order) passes(compared int) bool {
	switch {
	case compared < 0:
		return o&less != 0
	case compared > 0:
		return o&greater != 0
	}
	return o&equal != 0
}

// parsePrefix reads "203.0.113.0/24", "2001:DB8:1234:5678::/64" or one address ("IP address condition operators"). Bits
// beyond the prefix don't count, as ever with netip.
func parsePrefix(s string) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		addr, err := netip.ParseAddr(s)
		if err != nil || addr.Zone() != "" {
			return p, false
		}
		p = netip.PrefixFrom(addr, addr.BitLen())
	}
	// An IPv4 address in IPv6's clothes is that IPv4 address, in the policy as in the request.
	if addr := p.Addr(); addr.Is4In6() {
		if p.Bits() < 96 {
			return p, false
		}
		p = netip.PrefixFrom(addr.Unmap(), p.Bits()-96)
	}
	return p, true
}

func parseAddr(s string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(s)
	return addr.Unmap().WithZone(""), err == nil
}
