"""Basket features: size, variety, price, discounts, returns."""

from cltv_ml.features.declare import ageing, feature

FEATURES = (
    *ageing(
        feature(
            "orders",
            unit="orders",
            grain="order",
            sql="count_if(is_first)",
            doc="Orders before the cutoff.",
            fill=0,
        )
    ),
    *feature(
        "order_value",
        unit="currency/order",
        grain="order",
        sql="@ratio(sum(amount), count_if(is_first))",
        doc="Mean spend per order.",
    ),
    *feature(
        "lines_per_order",
        unit="lines/order",
        grain="order",
        sql="@ratio(sum(lines), count_if(is_first))",
        doc="Mean lines per order.",
    ),
    *feature(
        "items_per_order",
        unit="items/order",
        grain="order",
        sql="@ratio(sum(items), count_if(is_first))",
        doc="Mean items per order.",
    ),
    *feature(
        "spend_per_item",
        unit="currency/item",
        grain="order",
        sql="@ratio(sum(amount), sum(items))",
        doc="Mean price paid per item.",
    ),
    *ageing(
        feature(
            "products",
            unit="products",
            grain="product",
            sql="count(*)",
            doc="Distinct products.",
            fill=0,
        )
    ),
    *feature(
        "products_per_order",
        unit="products/order",
        grain="customer",
        sql="@ratio(products, orders)",
        doc="Distinct products over orders: low for customers who buy the same again.",
    ),
    *feature(
        "repeat_product_share",
        unit="share",
        grain="product",
        sql="@ratio(count_if(last_day > first_day), count(*))",
        doc="Share of the customer's products that were bought on more than one day.",
    ),
    *feature(
        "top_product_share",
        unit="share",
        grain="product",
        sql="@ratio(max(amount), sum(amount))",
        doc="Share of spend that went to the customer's biggest product.",
    ),
    *feature(
        "new_product_share_{w}d",
        unit="share",
        grain="product",
        windows=(90,),
        sql="@ratio(count_if(first_day >= @cutoff - {w}), count_if(@last({w})))",
        doc="Share of the products of the last {w} days that the customer had never bought before.",
    ),
    *ageing(
        feature(
            "categories",
            unit="categories",
            grain="category",
            sql="count(*)",
            doc="Distinct categories.",
            fill=0,
        )
    ),
    *feature(
        "categories_per_order",
        unit="categories/order",
        grain="customer",
        sql="@ratio(categories, orders)",
        doc="Distinct categories over orders.",
    ),
    *feature(
        "category_concentration",
        unit="share",
        grain="category",
        sql="@ratio(@squares(amount), cast(sum(amount) as double) * cast(sum(amount) as double))",
        doc="Herfindahl index of spend over categories: 1 if all spend is in one.",
    ),
    *feature(
        "top_category_share",
        unit="share",
        grain="category",
        sql="@ratio(max(amount), sum(amount))",
        doc="Share of spend that went to the customer's biggest category.",
    ),
    *feature(
        "first_product",
        unit="text",
        grain="product",
        sql="@first_text(product_id, first_time)",
        doc="Product of the first purchase; the first by name if there are several.",
    ),
    *feature(
        "first_channel",
        unit="text",
        grain="order",
        sql="@first_text(channel, cast(day as bigint) * 86400 + second)",
        doc="Channel of the first order; the first by name if there are several.",
    ),
    *feature(
        "first_products",
        unit="products",
        grain="day",
        sql="sum(products) filter (where number = 1)",
        doc="Distinct products of each order on the first purchase day.",
    ),
    *feature(
        "first_discount_share",
        unit="share",
        grain="day",
        sql="@ratio(sum(discount) filter (where number = 1), sum(amount + discount) filter (where number = 1))",
        doc="Share of the full price taken off on the first purchase day.",
    ),
    *feature(
        "first_category",
        unit="text",
        grain="category",
        sql="@first_text(category, first_time)",
        doc="Category of the first purchase; the first by name if there are several.",
    ),
    *ageing(
        feature(
            "last_category",
            unit="text",
            grain="category",
            sql="@last_text(category, last_time)",
            doc="Category of the last purchase; the last by name if there are several.",
        )
    ),
    *feature(
        "price_level_in_category",
        unit="currency/item",
        grain="category",
        sql="median(@ratio(priced_amount, items))",
        doc="Median over the customer's categories of the mean price paid per item within the category.",
    ),
    *feature(
        "price_trend_in_category",
        unit="ratio",
        grain="category",
        sql="@ratio(1000 * sum(recent_amount) filter (where recent_items > 0 and items > recent_items), "
        "sum(cast(floor(@ratio(recent_items * (priced_amount - recent_amount), items - recent_items) * 1000 + 0.5e0)"
        " as bigint)) filter (where recent_items > 0 and items > recent_items))",
        doc="Spend on the items of the last 180 days over what they would have cost at the prices per item "
        "that the customer paid in the same categories before: above one, the customer trades up.",
    ),
    *feature(
        "discount_share",
        unit="share",
        grain="order",
        sql="@ratio(sum(discount), sum(amount) + sum(discount))",
        doc="Discount over the value before discount.",
    ),
    *feature(
        "full_price_share",
        unit="share",
        grain="order",
        sql="@ratio(sum(full_price_lines), sum(lines))",
        doc="Share of lines bought without any discount.",
    ),
    *feature(
        "discounted_order_share",
        unit="share",
        grain="order",
        sql="@ratio(count_if(is_first and discount > 0), count_if(is_first))",
        doc="Share of orders with a discount or coupon on the day they were placed.",
    ),
    *feature(
        "discount_share_{w}d",
        unit="share",
        grain="order",
        windows=(90,),
        sql="@ratio(sum(discount) filter (where @last({w})), "
        "sum(amount) filter (where @last({w})) + sum(discount) filter (where @last({w})))",
        doc="Discount over the value before discount in the last {w} days.",
    ),
    *ageing(
        feature(
            "return_lines",
            unit="lines",
            grain="order",
            sql="sum(return_lines)",
            doc="Lines returned before the cutoff.",
            fill=0,
        )
    ),
    *ageing(
        feature(
            "return_value",
            unit="currency",
            grain="order",
            sql="sum(return_amount)",
            doc="Value returned before the cutoff, as a positive number.",
            fill=0,
        )
    ),
    *feature(
        "return_share",
        unit="share",
        grain="order",
        sql="@ratio(sum(return_amount), sum(amount))",
        doc="Value returned over spend.",
    ),
    *ageing(
        feature(
            "last_channel",
            unit="text",
            grain="order",
            sql="@last_text(channel, cast(day as bigint) * 86400 + second)",
            doc="Channel of the last order; the last by name if there are several.",
        )
    ),
)
