"""A version of data is found in a DVC repository."""

from airflow.sdk import dag, task


@dag(schedule=None)
def with_dvc():
    @task
    def resolve() -> str:
        import subprocess
        import sys
        from pathlib import Path
        from tempfile import mkdtemp

        from airflow_mlops_provider.stores.datasets.dvc import resolve_version

        folder = Path(mkdtemp())

        def do(*command: str) -> None:
            subprocess.run(command, cwd=folder, check=True, capture_output=True)

        git = ("git", "-c", "user.name=test", "-c", "user.email=test@example.com")
        do("git", "init", "--quiet")
        do(sys.executable, "-m", "dvc", "init")
        (folder / "batch.csv").write_text("x\n1\n")
        do(sys.executable, "-m", "dvc", "add", "batch.csv")
        do("git", "add", ".")
        do(*git, "commit", "--quiet", "-m", "first")
        found = resolve_version(f"dvc://{folder}?path=batch.csv&rev=HEAD", lambda url: Path(url).exists())
        assert Path(found.url).read_text() == "x\n1\n"
        return found.commit

    resolve()


with_dvc()
