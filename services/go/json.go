package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A checked type says what is wrong with a value that has been read, if its parts cannot say it by themselves. It may
// complete the value.
type checked interface{ check() error }

// read sets target, whose name is for messages, to what text holds as JSON. It is strict as C1 asks for. encoding/json
// is not: it matches names whatever their case, takes the last of two fields of one name, and leaves alone what is
// missing or null.
//
// The fields of a struct are those with a tag `field:"name"`. They are required, but for pointers, which stay nil when
// the field is missing or null, and for those whose tag goes on with `,defaulted`, which may be missing.
func read(text []byte, name string, target any) error {
	if err := json.Unmarshal(text, new(json.RawMessage)); err != nil {
		return fmt.Errorf("the %s is not JSON: %w", name, err)
	}
	if !utf8.Valid(text) {
		return fmt.Errorf("the %s is not UTF-8", name)
	}
	d := decoder{json.NewDecoder(bytes.NewReader(text))}
	d.UseNumber()
	return d.fill(reflect.ValueOf(target).Elem(), d.next(), name)
}

// A decoder goes through a text that is known to be JSON.
type decoder struct{ *json.Decoder }

func (d decoder) next() json.Token {
	token, err := d.Token()
	if err != nil {
		panic(fmt.Sprintf("the text has been found to be JSON: %v", err))
	}
	return token
}

// fill sets target to the value that begins with a token. where is its place, for messages.
func (d decoder) fill(target reflect.Value, token json.Token, where string) error {
	err := d.fillUnchecked(target, token, where)
	if c, ok := target.Addr().Interface().(checked); ok && err == nil {
		if err := c.check(); err != nil {
			return fmt.Errorf("`%s` %w", where, err)
		}
	}
	return err
}

func (d decoder) fillUnchecked(target reflect.Value, token json.Token, where string) error {
	ok, what := false, ""
	switch kind := target.Kind(); {
	case target.Type() == reflect.TypeFor[netip.AddrPort]():
		text, _ := token.(string)
		address, err := netip.ParseAddrPort(text)
		ok, what = err == nil, "an IP address and a port"
		target.Set(reflect.ValueOf(address))
	case kind == reflect.Pointer:
		target.Set(reflect.New(target.Type().Elem()))
		return d.fill(target.Elem(), token, where)
	case kind == reflect.Struct && token == json.Delim('{'):
		return d.fillStruct(target, where)
	case kind == reflect.Map && token == json.Delim('{'):
		return d.fillMap(target, where)
	case kind == reflect.Slice && token == json.Delim('['):
		return d.fillSlice(target, where)
	case kind == reflect.Struct || kind == reflect.Map:
		what = "an object"
	case kind == reflect.Slice:
		what = "an array"
	case kind == reflect.String:
		var text string
		text, ok = token.(string)
		what = "a string"
		target.SetString(text)
	case kind == reflect.Bool:
		var is bool
		is, ok = token.(bool)
		what = "true or false"
		target.SetBool(is)
	case kind == reflect.Float64:
		number, _ := token.(json.Number)
		float, err := number.Float64()
		ok, what = err == nil, "a number"
		target.SetFloat(float)
	default:
		number, _ := token.(json.Number)
		bits := target.Type().Bits()
		integer, err := strconv.ParseUint(number.String(), 10, bits)
		ok, what = err == nil, fmt.Sprintf("an integer from 0 to 2^%d-1", bits)
		target.SetUint(integer)
	}
	if !ok {
		return fmt.Errorf("`%s` must be %s", where, what)
	}
	return nil
}

func (d decoder) fillStruct(target reflect.Value, where string) error {
	type rule struct {
		field              reflect.Value
		required, nullable bool
	}
	var names []string
	open := map[string]rule{} // those of the fields that have not come yet
	for i := range target.NumField() {
		if tag, ok := target.Type().Field(i).Tag.Lookup("field"); ok {
			name, defaulted := strings.CutSuffix(tag, ",defaulted")
			isPointer := target.Field(i).Kind() == reflect.Pointer
			names = append(names, name)
			open[name] = rule{target.Field(i), !isPointer && !defaulted, isPointer && !defaulted}
		}
	}
	for d.More() {
		name := d.next().(string)
		rule, isOpen := open[name]
		if !slices.Contains(names, name) {
			return fmt.Errorf("`%s` has an unknown field `%s`; it knows %s", where, name, strings.Join(names, ", "))
		}
		if !isOpen {
			return fmt.Errorf("`%s` has two fields `%s`", where, name)
		}
		delete(open, name)
		if token := d.next(); token != nil || !rule.nullable {
			if err := d.fill(rule.field, token, where+"."+name); err != nil {
				return err
			}
		}
	}
	d.next() // the closing brace
	for _, name := range names {
		if open[name].required {
			return fmt.Errorf("`%s` lacks the field `%s`", where, name)
		}
	}
	return nil
}

func (d decoder) fillMap(target reflect.Value, where string) error {
	target.Set(reflect.MakeMap(target.Type()))
	for d.More() {
		name := d.next().(string)
		key, element := reflect.ValueOf(name), reflect.New(target.Type().Elem()).Elem()
		if target.MapIndex(key).IsValid() {
			return fmt.Errorf("`%s` has two fields `%s`", where, name)
		}
		if err := d.fill(element, d.next(), where+"."+name); err != nil {
			return err
		}
		target.SetMapIndex(key, element)
	}
	d.next() // the closing brace
	return nil
}

func (d decoder) fillSlice(target reflect.Value, where string) error {
	for i := 0; d.More(); i++ {
		element := reflect.New(target.Type().Elem()).Elem()
		if err := d.fill(element, d.next(), fmt.Sprintf("%s[%d]", where, i)); err != nil {
			return err
		}
		target.Set(reflect.Append(target, element))
	}
	d.next() // the closing bracket
	return nil
}

// encode returns v as one line of JSON, without the newline.
func encode(v any) []byte {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(fmt.Sprintf("what this service writes can be written as JSON: %v", err))
	}
	return bytes.TrimSuffix(line.Bytes(), []byte("\n"))
}
