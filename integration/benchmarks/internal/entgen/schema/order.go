package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
)

// Order is twelve columns of orders.
type Order struct{ ent.Schema }

// Fields implements ent.Interface.
func (Order) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("id"),
		field.Int64("customer_id"),
		field.String("status"),
		field.String("city"),
		field.Int32("quantity"),
		field.Int16("priority"),
		field.Float("price"),
		field.Bool("paid"),
		field.Time("created_at"),
		field.Time("updated_at"),
		field.String("note"),
		field.String("reference"),
	}
}
