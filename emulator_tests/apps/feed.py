"""A feed: a post appears with each follower of its author."""

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from onto_fn import App, DomainModel, FanOut, Store, ViewModel, one, root


class Author(DomainModel, collection="users"):
    """Somebody who posts; followers by user id, true while they follow."""

    followers: dict[str, bool] = Field(default_factory=dict)


class Post(DomainModel, collection="insta_posts"):
    """Undeclared fields are kept, and shown."""

    owner_id: str


class PostStore(Store):
    post = root(Post)
    author = one(Author, lambda store: Author.ref(store.post.owner_id))


class PostDAV(ViewModel[PostStore], path="users/{follower}/feed/{post_id}", typed=True, shards=40):
    @property
    def post(self) -> dict[str, Any]:
        return self.store.post.doc_fields()

    def targets(self) -> Iterable[dict[str, str]]:
        post_id = self.store.post.doc_id
        followers = self.store.author.followers
        return [{"follower": f, "post_id": post_id} for f, follows in followers.items() if follows]


app = App([PostDAV], fan_out=FanOut())
app.export(globals())
