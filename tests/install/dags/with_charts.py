"""A chart is drawn."""

from airflow.sdk import dag, task


@dag(schedule=None)
def with_charts():
    @task
    def draw() -> int:
        from airflow_mlops_provider.pages.charts.svg import draw

        point = {"mark": "point", "data": {"values": [{"x": 1, "y": 2}]}, "encoding": {"x": {"field": "x"}}}
        [svg] = draw({"one point": point}).values()
        assert "<svg" in svg
        return len(svg)

    draw()


with_charts()
